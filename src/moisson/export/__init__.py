"""Results as files: one module a form, each a function from a case to a folder."""
