//! Proves that an alert reaches people: the shipped rules, routes and templates, in a real Prometheus and a real
//! Alertmanager, tell a webhook, a mail server and Slack what is wrong, where to read on, and when it is over; and
//! that nothing is sent, and nothing fails, before a channel is set up.
//!
//! What cannot be had here is played by the test: Slack, the mail server and the dead man's switch.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod alertmanager;
mod as_shipped;
mod http_sink;
mod inhibition;
mod mailbox;
mod messages;
mod outage;
mod people;
mod routes;
mod stack;
