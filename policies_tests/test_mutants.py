"""The holes that `make mutate` makes: each can still be made, and says where it should be found."""

from collections import Counter

import pytest

from .harness import Bench
from .mutants import MUTANTS
from .mutate import suites

AREAS = sorted({mutant.area for mutant in MUTANTS})

FINGERPRINT = """
select md5(concat(
  (select string_agg(concat(c.oid, c.relacl, c.relrowsecurity, c.reloptions, c.relreplident), ','
    order by c.oid) from pg_class as c where c.relnamespace = any(spaces)),
  (select string_agg(concat(a.attrelid, a.attnum, a.attacl), ',' order by a.attrelid, a.attnum)
    from pg_attribute as a where a.attacl is not null),
  (select string_agg(concat(p.oid, p.proacl, p.prosrc, p.prosqlbody,
    p.prosecdef, p.proconfig), ','
    order by p.oid) from pg_proc as p where p.pronamespace = any(spaces)),
  (select string_agg(concat(p.oid, p.polroles, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid)), ',' order by p.oid) from pg_policy as p),
  (select string_agg(concat(t.oid, t.tgenabled), ',' order by t.oid) from pg_trigger as t),
  (select string_agg(pg_get_viewdef(v.oid), ',' order by v.oid) from pg_class as v
    where v.relkind = 'v' and v.relnamespace = any(spaces)),
  (select string_agg(k.oid::text, ',' order by k.oid) from pg_constraint as k),
  (select string_agg(n.nspacl::text, ',' order by n.oid) from pg_namespace as n
    where n.oid = any(spaces)),
  (select string_agg(d.defaclacl::text, ',' order by d.oid) from pg_default_acl as d),
  (select string_agg(r.prrelid::text, ',' order by r.oid) from pg_publication_rel as r),
  (select string_agg(b::text, ',' order by b.id) from storage.buckets as b),
  (select string_agg(s::text, ',' order by s.tier) from public.subscription_plans as s),
  (select string_agg(x::text, ',' order by x.table_name) from private.row_limits as x),
  (select string_agg(x::text, ',' order by x) from private.job_transitions as x),
  (select string_agg(x::text, ',' order by x) from private.payment_transitions as x)
))
from (
  select array_agg(oid) as spaces from pg_namespace
  where nspname in ('public', 'worker', 'private', 'storage')
) as schemas
"""
"""What of the catalogue, and of the tables that decide something, a hole can change."""


@pytest.mark.parametrize("area", AREAS)
def test_every_hole_changes_something(bench: Bench, area: str) -> None:
    before = bench.value(FINGERPRINT)
    for mutant in MUTANTS:
        if mutant.area != area:
            continue
        with bench.undone():
            bench.connection.execute(mutant.sql.encode())
            assert bench.value(FINGERPRINT) != before, f"{mutant.name}: nothing is changed"
    assert bench.value(FINGERPRINT) == before


def test_every_hole_has_a_name_of_its_own() -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert names.most_common(1)[0][1] == 1
    assert len({mutant.sql for mutant in MUTANTS}) == len(MUTANTS)
    assert len(MUTANTS) >= 60


def test_every_hole_says_which_tests_should_find_it() -> None:
    behaviour, _ = suites()
    for mutant in MUTANTS:
        assert mutant.killers, mutant.name
        for killer in mutant.killers:
            module = killer.partition(":")[0]
            assert module in behaviour.modules, (mutant.name, module)
