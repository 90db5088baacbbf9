"""What an org says about its objects and fields, as frozen values: describe, field types, drift, contract."""
