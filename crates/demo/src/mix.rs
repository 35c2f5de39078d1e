//! What is sent: pictures one by one or together, rows of tables, and now and then something that is refused.
//!
//! Rule of thumb: the shares are those of a service in good use, so that in the first half no alert has a reason.

use std::path::Path;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;

use super::pictures::{EncodedPicture, ExamplePicture, examples};
use super::request::{DemoRequest, Episode, TrueLabels};
use super::tables::{PATIENTS, TUMOURS, TableRows};

/// What the pictures of normal times are made from.
const VIEWS_SEED: u64 = 20;
/// Percent of the requests that have several pictures.
const BATCHES: u32 = 8;
/// Percent of the requests that are refused.
const REFUSALS: u32 = 3;
/// Percent of the requests that bring rows.
const TABLES: u32 = 30;
/// Percent of the requests with pictures that go to the model for photographs.
const TO_PHOTOGRAPHS: u32 = 70;
const PHOTOGRAPHS: SubjectPlan =
    SubjectPlan { model: "cifar10", favourites: &["cat", "dog"], normal_percent: 20, drift_percent: 70 };
const SURFACES: SubjectPlan =
    SubjectPlan { model: "surface", favourites: &["ok"], normal_percent: 90, drift_percent: 40 };
/// Makes one request after another.
pub(super) struct RequestMix {
    photographs: CameraSubjects,
    surfaces: CameraSubjects,
    tables: [TableRows; 2],
    random: Rng,
}

impl RequestMix {
    /// Reads the examples below a folder of models.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) fn new(models: &Path, random: Rng) -> Result<Self> {
        // The same pictures in each demo, because the shipped references are of them.
        let mut views = Rng::with_seed(VIEWS_SEED);
        Ok(Self {
            // Ten classes, one as good as another; then it is mostly pets.
            photographs: CameraSubjects::read(models, PHOTOGRAPHS, &mut views)?,
            // Few parts have a defect; then most of them have.
            surfaces: CameraSubjects::read(models, SURFACES, &mut views)?,
            tables: [TableRows::read(models, TUMOURS)?, TableRows::read(models, PATIENTS)?],
            random,
        })
    }

    /// The next request.
    pub(super) fn next(&mut self, episode: Episode) -> DemoRequest {
        let random = &mut self.random;
        let kind = random.u32(0..100);
        if kind < REFUSALS {
            return refused(random);
        }
        let several = kind < REFUSALS + BATCHES;
        if random.u32(0..100) < TABLES {
            let count = if several { random.usize(2..=4) } else { 1 };
            return self.tables[usize::from(random.bool())].request(count, episode, random);
        }
        let subjects = if random.u32(0..100) < TO_PHOTOGRAPHS { &self.photographs } else { &self.surfaces };
        if several {
            return subjects.several(random.usize(2..=4), episode, random);
        }
        subjects.one(episode, random)
    }
}

/// What comes before a model's camera.
struct CameraSubjects {
    plan: SubjectPlan,
    /// What is there more or less often in a drift.
    favourites: Vec<ExamplePicture>,
    others: Vec<ExamplePicture>,
}

/// How often a model's camera sees what.
#[derive(Clone, Copy)]
struct SubjectPlan {
    model: &'static str,
    /// Labels that are there more or less often in a drift.
    favourites: &'static [&'static str],
    /// Percent of the pictures that show a favourite in normal times.
    normal_percent: u32,
    /// The same while there is drift.
    drift_percent: u32,
}

impl CameraSubjects {
    fn read(models: &Path, plan: SubjectPlan, random: &mut Rng) -> Result<Self> {
        let examples = examples(&models.join(plan.model).join("examples"), random)?;
        let (favourites, others): (Vec<_>, Vec<_>) =
            examples.into_iter().partition(|example| plan.favourites.contains(&example.label.as_str()));
        ensure!(
            !favourites.is_empty() && !others.is_empty(),
            "the examples of {} have changed their names",
            plan.model
        );
        Ok(Self { plan, favourites, others })
    }

    fn one(&self, episode: Episode, random: &mut Rng) -> DemoRequest {
        let EncodedPicture { content_type, bytes } = self.picture(episode, random).clone();
        DemoRequest {
            path: format!("/predict?model={}", self.plan.model),
            content_type,
            body: bytes,
            items: 1,
            labels: TrueLabels::default(),
        }
    }

    fn several(&self, count: usize, episode: Episode, random: &mut Rng) -> DemoRequest {
        let images: Vec<String> = (0..count)
            .map(|_| format!("\"{}\"", BASE64_STANDARD.encode(&self.picture(episode, random).bytes)))
            .collect();
        let body = format!("{{\"model\":\"{}\",\"images\":[{}]}}", self.plan.model, images.join(","));
        json(body, count as u64)
    }

    fn picture(&self, episode: Episode, random: &mut Rng) -> &EncodedPicture {
        let share = match episode {
            Episode::Normal => self.plan.normal_percent,
            Episode::Drift => self.plan.drift_percent,
        };
        let examples = if random.u32(0..100) < share { &self.favourites } else { &self.others };
        let example = &examples[random.usize(0..examples.len())];
        match episode {
            Episode::Normal => &example.clear[random.usize(0..example.clear.len())],
            Episode::Drift => &example.spoilt[random.usize(0..example.spoilt.len())],
        }
    }
}

/// One of the mistakes that clients make.
fn refused(random: &mut Rng) -> DemoRequest {
    let raw = |path: &str, content_type, body: &str| DemoRequest {
        path: path.into(),
        content_type,
        body: body.into(),
        items: 1,
        labels: TrueLabels::default(),
    };
    match random.u32(0..6) {
        0 => raw("/predict?model=cifar10", "image/jpeg", "not a picture"),
        1 => raw("/predict?model=no-such-model", "image/png", "of no matter"),
        2 => raw("/predict", "text/plain", "a cat"),
        3 => json("{\"model\":\"cifar10\",".into(), 1),
        4 => json("{\"model\":\"tumour\",\"rows\":[{\"radius\":\"wide\"}]}".into(), 1),
        _ => json("{\"model\":\"surface\",\"input\":[1,2,3]}".into(), 1),
    }
}

fn json(body: String, items: u64) -> DemoRequest {
    DemoRequest {
        path: "/predict".into(),
        content_type: "application/json",
        body: body.into_bytes(),
        items,
        labels: TrueLabels::default(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use testkit::root;

    const MANY: u32 = 3000;

    fn mix() -> RequestMix {
        RequestMix::new(&root().join("deploy/models"), Rng::with_seed(7)).unwrap()
    }

    #[test]
    fn a_normal_time_has_its_share_of_everything() {
        let mut mix = mix();
        let shots: Vec<DemoRequest> = (0..MANY).map(|_| mix.next(Episode::Normal)).collect();
        let share =
            |of: &dyn Fn(&DemoRequest) -> bool| shots.iter().filter(|shot| of(shot)).count() as f64 / f64::from(MANY);
        let batches = share(&|shot| shot.items > 1);
        assert!((0.06..0.10).contains(&batches), "{batches}");
        let surfaces = share(&|shot| shot.path.ends_with("=surface"));
        assert!((0.14..0.24).contains(&surfaces), "{surfaces}");
        let rows = share(&|shot| shot.body.ends_with(b"}]}") && shot.items > 0);
        assert!((0.25..0.35).contains(&rows), "{rows}");
        for mistake in ["not a picture", "of no matter", "a cat", "{\"model\":\"cifar10\",", "\"wide\"}]}", "[1,2,3]}"]
        {
            let refused = share(&|shot| shot.body.ends_with(mistake.as_bytes()));
            assert!((0.001..0.02).contains(&refused), "{mistake}: {refused}");
        }
    }

    #[test]
    fn drift_changes_the_pictures_and_what_they_show() {
        let RequestMix { photographs, mut random, .. } = mix();
        let CameraSubjects { favourites, others, .. } = &photographs;
        let shows = |example: &ExamplePicture, picture: &EncodedPicture| {
            example.clear.iter().chain(&example.spoilt).any(|other| other.bytes == picture.bytes)
        };
        let mut pets = |episode| {
            let mut count = 0;
            for _ in 0..MANY {
                let picture = photographs.picture(episode, &mut random);
                let clear = favourites
                    .iter()
                    .chain(others)
                    .any(|example| example.clear.iter().any(|view| view.bytes == picture.bytes));
                assert_eq!(clear, episode == Episode::Normal);
                count += u32::from(favourites.iter().any(|example| shows(example, picture)));
            }
            count * 100 / MANY
        };
        assert!((17..=23).contains(&pets(Episode::Normal)));
        assert!((67..=73).contains(&pets(Episode::Drift)));
    }
}
