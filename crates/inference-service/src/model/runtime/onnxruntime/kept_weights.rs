//! Weights that lie beside a model, for as long as sessions are made of them.

use std::mem;
use std::sync::{Mutex, PoisonError};

use crate::model::onnx::Weights;

/// The library copies what it is given into each session, so that the bytes are let go once the last instance has its own.
#[derive(Debug)]
pub(super) struct KeptWeights(Mutex<State>);

#[derive(Debug)]
struct State {
    weights: Vec<Weights>,
    /// How many sessions are to come that are known of.
    to_come: usize,
}

impl KeptWeights {
    /// For so many sessions.
    pub(super) fn new(weights: Vec<Weights>, sessions: usize) -> Self {
        Self(Mutex::new(State { weights, to_come: sessions }))
    }

    /// The weights for another session. One that takes the place of a broken one has them from the files.
    ///
    /// # Errors
    /// Where a file has changed meanwhile, as a sentence.
    pub(super) fn for_session(&self) -> Result<Vec<Weights>, String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.to_come == 0 {
            return state.weights.iter().map(Weights::read_again).collect();
        }
        state.to_come -= 1;
        if state.to_come > 0 {
            return Ok(state.weights.clone());
        }
        let released = state.weights.iter().map(Weights::without_bytes).collect();
        Ok(mem::replace(&mut state.weights, released))
    }
}
