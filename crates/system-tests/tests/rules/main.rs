//! Proves that the rules of Prometheus are right: it takes them and the configuration around them, their tests hold,
//! the tests notice if a threshold, a window, a label or a comparison is changed, and every alert says who is told,
//! what is the matter, and where to read on.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod catalogue;
mod configuration;
mod expression;
mod manners;
mod mutants;
mod mutations;
mod selection;
mod shared_case;
mod survivors;
