"""Units of work in confined children: plan, sandbox, local engine, resume."""
