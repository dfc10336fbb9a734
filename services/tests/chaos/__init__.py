"""Chaos: every part is killed and frozen under load, and no job, credit or file is lost.

`plan` decides everything that is left to chance, by a seed; `fake_provider` is a provider of the
worst sort, in a process that is never killed, as its journal is the witness; `adapter` is how
workers call it; `postman` stands between them and the database; `driver` is users, operator and
saboteur; `verdict` looks at the journal and the database afterwards. `python -m chaos --help` is
the long form, `test_chaos` the short one.
"""
