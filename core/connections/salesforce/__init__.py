"""The Salesforce edge: sign-in, the one way to call an org, and the translation of everything foreign."""
