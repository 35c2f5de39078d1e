//! A storm: every attack by chance, clients that mean well beside them, and services and databases that are killed.
//! Whatever was answered is stored, once.
//!
//! Rule of thumb: what is drawn by chance comes from SEED, which is printed; STORM_ATTACKS names attacks where only some
//! are wanted, STORM_ENGINE an engine, STORM_SECONDS how long. The attackers come from other addresses than the clients that mean well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aim;
mod attack;
mod attacks;
mod figures;
mod grpc;
mod honest;
mod question;
mod scene;

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use testkit::{BooksWatch, LogBooks, alone, wait_until};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::aim::Aim;
use self::attack::Attack;
use self::figures::{StormFigures, has_come_back};
use self::honest::{HonestClients, HonestTargets};
use self::scene::{FaultDone, Scene, StoredCounts, StormEngine};

/// How long the storms take together, unless the environment variable STORM_SECONDS says it.
const SECONDS: u64 = 120;
const ATTACKERS: u64 = 4;
/// Seconds between two faults.
const FAULT_EVERY: std::ops::Range<u64> = 8..16;
/// What services have learnt to keep, such as caches, is there after this.
const WARM_UP: Duration = Duration::from_secs(4);
const SCRAPE_EVERY: Duration = Duration::from_millis(250);
const DELIVERY_PATIENCE: Duration = Duration::from_secs(90);
/// How long memory may take to come back.
const MEMORY_PATIENCE: Duration = Duration::from_secs(60);
/// Attacks that are left out, and why.
const LEFT_OUT: &[(Attack, &str)] = &[];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_stored_once_whatever_comes() {
    let _alone = alone().await;
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seconds = number("STORM_SECONDS").unwrap_or(SECONDS);
    let seed = number("SEED").unwrap_or_else(|| fastrand::u64(..));
    let attacks = attacks();
    eprintln!("a storm of {seconds} s, {} kinds of attack, SEED={seed}", attacks.len());
    let mut problems = Vec::new();
    let wanted = env::var("STORM_ENGINE").ok();
    let is_wanted = |engine: &StormEngine| wanted.as_ref().is_none_or(|wanted| *wanted == format!("{engine:?}"));
    let engines: Vec<_> = [StormEngine::Sqlite, StormEngine::Postgres].into_iter().filter(is_wanted).collect();
    assert!(!engines.is_empty(), "STORM_ENGINE is Sqlite or Postgres");
    for &engine in &engines {
        let Some(scene) = Scene::start(engine).await else { continue };
        let storm =
            Storm { attacks: attacks.clone(), seed, lasting: Duration::from_secs(seconds) / engines.len() as u32 };
        let figures = storm.pass_over(scene).await;
        eprintln!("SEED={seed}\n{}", figures.table());
        problems.extend(figures.problems());
    }
    assert!(problems.is_empty(), "SEED={seed}: {problems:?}");
}

/// The attacks that are wanted.
fn attacks() -> Vec<Attack> {
    if let Ok(names) = env::var("STORM_ATTACKS") {
        return names.split(',').map(|name| Attack::named(name).expect("the name of an attack")).collect();
    }
    for (attack, reason) in LEFT_OUT {
        eprintln!("SKIPPED: the storm is without {attack:?}: {reason}");
    }
    Attack::ALL.into_iter().filter(|attack| LEFT_OUT.iter().all(|(out, _)| out != attack)).collect()
}

/// What is to come.
struct Storm {
    attacks: Vec<Attack>,
    seed: u64,
    lasting: Duration,
}

impl Storm {
    /// Lets it come and go, and holds what clients were told against what is stored.
    async fn pass_over(self, mut scene: Scene) -> StormFigures {
        let targets =
            HonestTargets { inference: scene.inference.address, grpc: scene.grpc, logging: scene.logging.address };
        let honest = HonestClients::start(targets, self.seed);
        sleep(WARM_UP).await;
        let before = memory(&scene);
        let watch = BooksWatch::start_every(&scene.inference, SCRAPE_EVERY);
        let (started, attackers) = (Instant::now(), Attackers::start(targets, &self));
        let (faults, most) = self.faults(&mut scene, started).await;
        let (strikes, connections, bytes) = attackers.stop().await;
        eprintln!("the attackers have stopped: {strikes:?}");
        let (lasted, outcomes) = (started.elapsed(), honest.stop().await);
        eprintln!("the honest clients have stopped: {} requests", outcomes.len());
        scene.assert_lives();
        wait_until("all records are delivered", DELIVERY_PATIENCE, async || {
            LogBooks::of(&scene.inference.metrics().await).spooled == 0
        })
        .await;
        let after = memory_afterwards(&scene, before).await;
        let watched = watch.stop().await;
        assert_eq!(watched.most_dropped, 0, "SEED={}: records were dropped", self.seed);
        let memory = [0, 1].map(|service| [before[service], most[service], after[service]]);
        let engine = format!("{:?}", scene.engine);
        let (scrapes, is_bounded) = (watched.scrapes, scene.is_bounded());
        let figures =
            StormFigures { engine, lasted, strikes, connections, bytes, outcomes, faults, scrapes, memory, is_bounded };
        assert_stored_once(&figures, &scene.stored().await);
        figures
    }

    /// Does one fault after the other until the time is over; gives them, and the most memory of either service.
    async fn faults(&self, scene: &mut Scene, started: Instant) -> (Vec<FaultDone>, [u64; 2]) {
        let (mut random, mut done, mut most) = (Rng::with_seed(!self.seed), Vec::new(), [0; 2]);
        let mut next = started + Duration::from_secs(random.u64(FAULT_EVERY));
        while started.elapsed() < self.lasting {
            sleep(Duration::from_millis(100)).await;
            scene.assert_lives();
            let now = memory(scene);
            (0..2).for_each(|service| most[service] = most[service].max(now[service]));
            if Instant::now() >= next {
                let suffered = scene.suffer(&mut random).await;
                eprintln!(
                    "{:.0} s: {:?}, MB {:?}",
                    started.elapsed().as_secs_f64(),
                    suffered.fault,
                    now.map(|it| it >> 20)
                );
                done.push(suffered);
                next = Instant::now() + Duration::from_secs(random.u64(FAULT_EVERY));
            }
        }
        (done, most)
    }
}

/// The attackers at work.
struct Attackers {
    stop: Arc<AtomicBool>,
    aim: Arc<Aim>,
    tasks: Vec<JoinHandle<BTreeMap<Attack, u64>>>,
}

impl Attackers {
    fn start(targets: HonestTargets, storm: &Storm) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let HonestTargets { inference, grpc, logging } = targets;
        let (connections, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let aim = Arc::new(Aim { inference, grpc, logging, connections, bytes });
        let attacker = |number| {
            let random = Rng::with_seed(storm.seed.rotate_left(17).wrapping_add(number));
            tokio::spawn(attack(aim.clone(), storm.attacks.clone(), random, stop.clone()))
        };
        let tasks = (0..ATTACKERS).map(attacker).collect();
        Self { stop, aim, tasks }
    }

    /// Lets them finish; gives how often each attack was made, over how many connections and with how many bytes.
    async fn stop(self) -> (BTreeMap<Attack, u64>, u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let mut strikes = BTreeMap::new();
        for task in self.tasks {
            for (attack, count) in task.await.expect("an attacker ends well") {
                *strikes.entry(attack).or_default() += count;
            }
        }
        (strikes, self.aim.connections.load(Ordering::Relaxed), self.aim.bytes.load(Ordering::Relaxed))
    }
}

async fn attack(aim: Arc<Aim>, attacks: Vec<Attack>, mut random: Rng, stop: Arc<AtomicBool>) -> BTreeMap<Attack, u64> {
    let mut strikes = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let attack = attacks[random.usize(..attacks.len())];
        *strikes.entry(attack).or_default() += 1;
        if attack.strike(&aim, &mut random).await.is_err() {
            // Refused, closed, or nobody there: the next one comes in a moment.
            sleep(Duration::from_millis(50)).await;
        }
    }
    strikes
}

/// Bytes of memory of either service when it has come back, or when it could have.
async fn memory_afterwards(scene: &Scene, before: [u64; 2]) -> [u64; 2] {
    let started = Instant::now();
    loop {
        let after = memory(scene);
        if has_come_back(before, after) {
            eprintln!("memory is back after {:.1} s", started.elapsed().as_secs_f64());
            return after;
        }
        if started.elapsed() > MEMORY_PATIENCE {
            return after;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Bytes of memory of either service.
fn memory(scene: &Scene) -> [u64; 2] {
    [scene.inference.resident_bytes(), scene.logging.resident_bytes()]
}

/// A success that was answered is in the log once; where the answer was lost, it may be there once. Refusals before it have
/// rows of their own. A true label that was acknowledged is there.
fn assert_stored_once(figures: &StormFigures, stored: &StoredCounts) {
    assert_eq!(stored.rows, stored.events, "an event is stored twice");
    for outcome in figures.outcomes.iter().filter(|outcome| outcome.ask.is_stored()) {
        let rows = stored.by_request.get(&outcome.request_id).copied().unwrap_or_default();
        let least = u64::from(outcome.status == Some(200));
        assert!((least..=1).contains(&rows), "{rows} rows of {outcome:?}");
    }
    for outcome in figures.outcomes.iter().filter(|outcome| outcome.is_acknowledged_label()) {
        assert!(stored.labels.contains_key(&outcome.request_id), "no label of {outcome:?}");
    }
}
