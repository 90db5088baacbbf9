"""Pure forms of values: Ids, phones, e-mails, domains, texts and times, alone and as whole columns."""
