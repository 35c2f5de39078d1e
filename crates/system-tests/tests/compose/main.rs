//! Proves that the compose file is right, and that it works: its schema, docker-compose's own reading, what each
//! container may do; and then the very file with the very Dockerfile, started on this machine, where only images are
//! put in place of those that cannot be pulled. See deploy/docker/stand-ins.sh for what is real in them.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod compose;
mod engine;
mod files;
mod run;
mod stack;
