//! Proves that the rules of Prometheus are right: it takes them and the configuration around them, their tests hold,
//! and every alert says who is told,
//! what is the matter, and where to read on.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod catalogue;
mod configuration;
mod expression;
mod manners;
