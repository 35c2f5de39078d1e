//! Both services as real processes, with the real tools around them. The tests are in `tests/`, each file opening with what
//! it proves; the harness is the crate `testkit`.
