//! What is sent: mostly pictures one by one, some together, and now and then something that is refused.
//!
//! Rule of thumb: the shares are those of a service in good use, so that in the first half no alert has a reason.

use std::path::Path;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fastrand::Rng;

use super::pictures::{Example, Picture, examples};

/// Percent of the requests that have several pictures.
const BATCHES: u32 = 8;
/// Percent of the requests that are refused.
const REFUSALS: u32 = 3;
/// Percent of the requests with pictures that go to the model for photographs.
const PHOTOGRAPHS: u32 = 70;

/// What kind of time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Episode {
    /// As always.
    Normal,
    /// The camera fails, and other things come before it.
    Drift,
}

/// A request for `POST /predict`.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    /// Path and query.
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    /// Predictions that it asks for, as the service counts them.
    pub(super) items: u64,
}

/// Makes one request after another.
pub(super) struct Mix {
    photographs: Subjects,
    surfaces: Subjects,
    random: Rng,
}

impl Mix {
    /// Reads the examples below a folder of models.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) fn new(models: &Path, mut random: Rng) -> Result<Self> {
        Ok(Self {
            // Ten classes, one as good as another; then it is mostly pets.
            photographs: Subjects::new(models, ("cifar10", &["cat", "dog"]), (20, 70), &mut random)?,
            // Few parts have a defect; then most of them have.
            surfaces: Subjects::new(models, ("surface", &["ok"]), (90, 40), &mut random)?,
            random,
        })
    }

    /// The next request.
    pub(super) fn next(&mut self, episode: Episode) -> Shot {
        let random = &mut self.random;
        let kind = random.u32(0..100);
        if kind < REFUSALS {
            return refused(random);
        }
        let subjects = if random.u32(0..100) < PHOTOGRAPHS { &self.photographs } else { &self.surfaces };
        if kind >= REFUSALS + BATCHES {
            return subjects.one(episode, random);
        }
        subjects.several(random.usize(2..=4), episode, random)
    }
}

/// What comes before a model's camera.
struct Subjects {
    model: &'static str,
    /// What is there more or less often in a drift.
    favourites: Vec<Example>,
    others: Vec<Example>,
    /// Of a hundred pictures, those of the favourites: in normal times, and while there is drift.
    shares: (u32, u32),
}

impl Subjects {
    fn new(
        models: &Path,
        (model, favourites): (&'static str, &[&str]),
        shares: (u32, u32),
        random: &mut Rng,
    ) -> Result<Self> {
        let examples = examples(&models.join(model).join("examples"), random)?;
        let (favourites, others): (Vec<_>, Vec<_>) =
            examples.into_iter().partition(|example| favourites.contains(&example.label.as_str()));
        ensure!(!favourites.is_empty() && !others.is_empty(), "the examples of {model} have changed their names");
        Ok(Self { model, favourites, others, shares })
    }

    fn one(&self, episode: Episode, random: &mut Rng) -> Shot {
        let Picture { content_type, bytes } = self.picture(episode, random).clone();
        Shot { path: format!("/predict?model={}", self.model), content_type, body: bytes, items: 1 }
    }

    fn several(&self, count: usize, episode: Episode, random: &mut Rng) -> Shot {
        let images: Vec<String> = (0..count)
            .map(|_| format!("\"{}\"", BASE64_STANDARD.encode(&self.picture(episode, random).bytes)))
            .collect();
        let body = format!("{{\"model\":\"{}\",\"images\":[{}]}}", self.model, images.join(","));
        json(body, count as u64)
    }

    fn picture(&self, episode: Episode, random: &mut Rng) -> &Picture {
        let (normal, drift) = self.shares;
        let share = if episode == Episode::Drift { drift } else { normal };
        let examples = if random.u32(0..100) < share { &self.favourites } else { &self.others };
        let example = &examples[random.usize(0..examples.len())];
        match episode {
            Episode::Normal => &example.clear,
            Episode::Drift => &example.spoilt[random.usize(0..example.spoilt.len())],
        }
    }
}

/// One of the mistakes that clients make.
fn refused(random: &mut Rng) -> Shot {
    let raw =
        |path: &str, content_type, body: &str| Shot { path: path.into(), content_type, body: body.into(), items: 1 };
    match random.u32(0..5) {
        0 => raw("/predict?model=cifar10", "image/jpeg", "not a picture"),
        1 => raw("/predict?model=no-such-model", "image/png", "of no matter"),
        2 => raw("/predict", "text/plain", "a cat"),
        3 => json("{\"model\":\"cifar10\",".into(), 1),
        _ => json("{\"model\":\"surface\",\"input\":[1,2,3]}".into(), 1),
    }
}

fn json(body: String, items: u64) -> Shot {
    Shot { path: "/predict".into(), content_type: "application/json", body: body.into_bytes(), items }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use testkit::root;

    const MANY: u32 = 3000;

    fn mix() -> Mix {
        Mix::new(&root().join("deploy/models"), Rng::with_seed(7)).unwrap()
    }

    #[test]
    fn a_normal_time_has_its_share_of_everything() {
        let mut mix = mix();
        let shots: Vec<Shot> = (0..MANY).map(|_| mix.next(Episode::Normal)).collect();
        let share = |of: &dyn Fn(&Shot) -> bool| shots.iter().filter(|shot| of(shot)).count() as f64 / f64::from(MANY);
        let batches = share(&|shot| shot.items > 1);
        assert!((0.06..0.10).contains(&batches), "{batches}");
        let surfaces = share(&|shot| shot.path.ends_with("=surface"));
        assert!((0.22..0.32).contains(&surfaces), "{surfaces}");
        for mistake in ["not a picture", "of no matter", "a cat", "{\"model\":\"cifar10\",", "[1,2,3]}"] {
            let refused = share(&|shot| shot.body.ends_with(mistake.as_bytes()));
            assert!((0.001..0.02).contains(&refused), "{mistake}: {refused}");
        }
    }

    #[test]
    fn drift_changes_the_pictures_and_what_they_show() {
        let Mix { photographs, mut random, .. } = mix();
        let Subjects { favourites, others, .. } = &photographs;
        let shows = |example: &Example, picture: &Picture| {
            example.clear.bytes == picture.bytes || example.spoilt.iter().any(|other| other.bytes == picture.bytes)
        };
        let mut pets = |episode| {
            let mut count = 0;
            for _ in 0..MANY {
                let picture = photographs.picture(episode, &mut random);
                let clear = favourites.iter().chain(others).any(|example| example.clear.bytes == picture.bytes);
                assert_eq!(clear, episode == Episode::Normal);
                count += u32::from(favourites.iter().any(|example| shows(example, picture)));
            }
            count * 100 / MANY
        };
        assert!((17..=23).contains(&pets(Episode::Normal)));
        assert!((67..=73).contains(&pets(Episode::Drift)));
    }
}
