"""The job editor, one module per step; all of them change a draft that is kept in the session until it is saved."""
