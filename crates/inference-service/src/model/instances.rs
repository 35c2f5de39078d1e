//! How many runs of a model there can be at a time, and on how many threads each: `instances` and `intra_threads` in its
//! model.toml.
//!
//! Rule of thumb: an instance of ONNX Runtime has a copy of the weights. A small model has one for each inference thread; a
//! large one has as many as its weights allow, and each of them uses several threads.

use std::path::Path;

use super::error::ModelError;
use super::runtime::RuntimeKind;

/// Most instances of a model, and most threads of one.
const MOST: u32 = 64;
/// Files above this have no copy for each inference thread unless model.toml says so.
const LARGE_BYTES: u64 = 32 << 20;
/// What the copies of a large model may take together; one may take more.
const COPIES_BYTES: u64 = 256 << 20;

/// What model.toml says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceConfig {
    /// How many there are; 1 to 64.
    pub instances: Option<u32>,
    /// Threads of each; 1 to 64.
    pub intra_threads: Option<u32>,
}

/// How many there are, and how many threads each uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelInstances {
    /// How many; at least 1, and at most as many as there are inference threads.
    pub count: usize,
    /// Threads of one run; at least 1.
    pub intra_threads: usize,
}

impl InstanceConfig {
    /// Checks what the file's author wrote.
    ///
    /// # Errors
    /// [`ModelError::Field`] for a number out of bounds.
    pub(super) fn checked(instances: Option<u32>, intra_threads: Option<u32>, path: &Path) -> Result<Self, ModelError> {
        for (field, number) in [("instances", instances), ("intra_threads", intra_threads)] {
            if let Some(number) = number.filter(|number| !(1..=MOST).contains(number)) {
                return Err(ModelError::Field {
                    path: path.to_owned(),
                    field,
                    problem: format!("is {number}"),
                    remedy: "give 1 to 64, or remove the field",
                });
            }
        }
        Ok(Self { instances, intra_threads })
    }
}

impl ModelInstances {
    /// What fits a model of so many bytes, its weights beside it included, and so many inference threads, as far as its
    /// model.toml leaves it open. tract shares the weights, and runs on one thread.
    pub(super) fn choose(config: InstanceConfig, kind: RuntimeKind, bytes: u64, threads: usize) -> Self {
        let said = |number: Option<u32>| number.map(|number| number as usize);
        let (instances, intra_threads) = (said(config.instances), said(config.intra_threads));
        if kind == RuntimeKind::Tract {
            return Self { count: instances.unwrap_or(threads).clamp(1, threads), intra_threads: 1 };
        }
        let is_large = bytes > LARGE_BYTES;
        let copies = if is_large { usize::try_from(COPIES_BYTES / bytes).unwrap_or(threads) } else { threads };
        let beside = intra_threads.map_or(threads, |intra_threads| threads / intra_threads);
        let count = instances.unwrap_or(copies.min(beside)).clamp(1, threads);
        let own = if is_large { (threads / count).max(1) } else { 1 };
        Self { count, intra_threads: intra_threads.unwrap_or(own) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(instances: Option<u32>, intra_threads: Option<u32>, megabytes: u64) -> [usize; 2] {
        let config = InstanceConfig { instances, intra_threads };
        let ModelInstances { count, intra_threads } =
            ModelInstances::choose(config, RuntimeKind::OnnxRuntime, megabytes << 20, 16);
        [count, intra_threads]
    }

    #[test]
    fn the_larger_a_model_the_fewer_copies_of_it() {
        assert_eq!(chosen(None, None, 1), [16, 1]);
        assert_eq!(chosen(None, None, 40), [6, 2]);
        assert_eq!(chosen(None, None, 200), [1, 16]);
        assert_eq!(chosen(None, None, 5000), [1, 16]);
    }

    #[test]
    fn what_model_toml_says_goes_before() {
        assert_eq!(chosen(Some(4), None, 1), [4, 1]);
        assert_eq!(chosen(Some(4), None, 200), [4, 4]);
        assert_eq!(chosen(None, Some(4), 1), [4, 4]);
        assert_eq!(chosen(None, Some(4), 200), [1, 4]);
        assert_eq!(chosen(Some(64), Some(64), 1), [16, 64], "more than threads are never busy");
        let tract = ModelInstances::choose(
            InstanceConfig { instances: None, intra_threads: Some(4) },
            RuntimeKind::Tract,
            1 << 30,
            8,
        );
        assert_eq!(tract, ModelInstances { count: 8, intra_threads: 1 });
    }
}
