//! `cargo xtask demo`, which is `cargo run --release -p demo --`: traffic for a service that runs already, so that there is something to see.
//!
//! Rule of thumb: bounded in time and in rate; and at the end it says what it has counted beside what the service has,
//! for a demonstration that does not add up shows nothing.

mod counters;
mod mix;
mod pictures;
mod request;
mod service;
mod summary;
mod tables;
mod tally;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::mix::RequestMix;
use self::request::Episode;
use self::service::InferenceClient;
use self::tally::RequestTally;
use terminal::{StopRequest, say, warn};
use testkit::root;

/// Requests that wait for their answers at a time. If the service is that slow, less is sent.
const MOST_IN_FLIGHT: usize = 64;
/// Between two lines that say how it goes.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Between two looks at the request to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The part of the time in which there is drift: the second half, with a while at the end to recover.
const DRIFT: std::ops::Range<f64> = 0.5..0.9;

/// Send traffic to a running inference-service, with an episode of drift, so that there is something to see.
#[derive(Debug, Parser)]
#[command(name = "demo", bin_name = "cargo xtask demo")]
struct DemoOptions {
    /// How long, in minutes, from 0.1 to 120; the second half has an episode of drift.
    #[arg(long, value_name = "N", default_value = "5", value_parser = |text: &str| parse_within(text, 0.1, 120.0))]
    minutes: f64,
    /// Requests a second, from 0.1 to 200.
    #[arg(long, value_name = "R", default_value = "20", value_parser = |text: &str| parse_within(text, 0.1, 200.0))]
    rate: f64,
    /// The URL of inference-service.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    inference: String,
    /// The URL of logging-service, which is told the truth about half of the rows.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8001")]
    logging: String,
}

fn main() -> ExitCode {
    match run(&DemoOptions::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &DemoOptions) -> Result<()> {
    let stop = StopRequest::listen().context("Ctrl-C cannot be listened for")?;
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    runtime.block_on(demonstrate(options, &stop))
}

/// Sends, tells, counts; ends early, with the same summary, when asked to.
///
/// # Errors
/// Where the service does not answer, or has counted less than was sent.
async fn demonstrate(options: &DemoOptions, stop: &StopRequest) -> Result<()> {
    let service = InferenceClient::at(&options.inference, &options.logging)?;
    let before = service.counts().await.with_context(|| {
        format!("inference-service cannot be asked at {}; cargo xtask up starts it", options.inference)
    })?;
    let mix = RequestMix::new(&root().join("deploy/models"), Rng::new())?;
    say(format_args!(
        "{} requests a second to {}, for {} min. Ctrl-C ends it earlier.",
        options.rate, options.inference, options.minutes
    ));

    let started = Instant::now();
    let tally = send(options, &service, mix, stop).await?;
    say(format_args!("\n{}", summary::requests(&tally, started.elapsed())));
    if let Some(qualities) = summary::qualities(&tally) {
        say(format_args!("\n{qualities}"));
    }

    let after = service.counts().await.context("inference-service cannot be asked any more")?;
    let Some(counted) = after.since(&before) else {
        bail!("inference-service counts from 0 again: it was started anew meanwhile");
    };
    say(format_args!("\n{}", summary::counters(&tally, &counted)));
    say(summary::verdict(&tally, &counted)?);
    Ok(())
}

/// Sends request after request until the time is over or a person asks to stop, and waits for the last answers.
async fn send(
    options: &DemoOptions,
    service: &InferenceClient,
    mut mix: RequestMix,
    stop: &StopRequest,
) -> Result<RequestTally> {
    let (started, whole) = (Instant::now(), Duration::from_secs_f64(options.minutes * 60.0));
    let mut pace = interval(Duration::from_secs_f64(options.rate.recip()));
    // After a pause there is no rush.
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut tell = interval(TELL_EVERY);
    tell.tick().await;
    let mut flying = JoinSet::new();
    let mut tally = RequestTally::default();
    let mut sent = 0;
    let mut episode = Episode::Normal;
    loop {
        tokio::select! {
            _ = pace.tick(), if flying.len() < MOST_IN_FLIGHT => {
                let now = episode_at(started.elapsed().as_secs_f64() / whole.as_secs_f64());
                if now != episode {
                    episode = now;
                    say(announcement(episode));
                }
                flying.spawn(service.clone().send(mix.next(episode), episode));
                sent += 1;
            }
            Some(outcome) = flying.join_next() => tally.add(outcome?),
            _ = tell.tick() => say(progress(started.elapsed(), sent, &mut tally)),
            () = sleep(whole.saturating_sub(started.elapsed())) => break,
            () = asked(stop) => break,
        }
    }
    while let Some(outcome) = flying.join_next().await {
        tally.add(outcome?);
    }
    Ok(tally)
}

async fn asked(stop: &StopRequest) {
    while !stop.take() {
        sleep(LOOK_EVERY).await;
    }
}

fn episode_at(part: f64) -> Episode {
    if DRIFT.contains(&part) { Episode::Drift } else { Episode::Normal }
}

fn announcement(episode: Episode) -> &'static str {
    match episode {
        Episode::Drift => {
            "Drift begins: dark, noisy and blurred pictures, mostly of pets, and many defects; rows with larger and missing \
             values, and other truths."
        }
        Episode::Normal => "The drift is over.",
    }
}

fn progress(elapsed: Duration, sent: u64, tally: &mut RequestTally) -> String {
    let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
    let latency = tally.recent_latency().map_or("no answers".into(), summary::milliseconds);
    let mut line = format!(
        "{minutes:>3}:{seconds:02}   sent {sent}, answered {}, refused {}; {latency}",
        tally.answered, tally.refused
    );
    if tally.unanswered > 0 {
        line.push_str(&format!("; {} without an answer", tally.unanswered));
    }
    line
}

fn parse_within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("a number from {least} to {most} is needed")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn time_and_rate_are_bounded() {
        for refused in ["", "five", "0", "-1", "120.1", "inf", "NaN"] {
            assert!(parse_within(refused, 0.1, 120.0).is_err(), "{refused:?} was taken");
        }
        assert_eq!(parse_within("0.1", 0.1, 120.0), Ok(0.1));
    }

    #[test]
    fn drift_is_an_episode_of_the_second_half() {
        let episodes = [0.0, 0.49, 0.5, 0.89, 0.91, 1.1].map(episode_at);
        use Episode::{Drift, Normal};
        assert_eq!(episodes, [Normal, Normal, Drift, Drift, Normal, Normal]);
    }
}
