//! The shape of nested lists, noted while they are read.

use super::error::InputError;

/// Deepest nesting of lists, which is also the most dimensions of a tensor.
const MAX_DEPTH: usize = 64;

/// What is known of the lists so far.
#[derive(Debug, Default)]
pub(super) struct ListShape {
    /// One entry for each level that was ever opened; its length once the first list of that level has closed.
    levels: Vec<Option<usize>>,
    has_elements: bool,
    /// How the lists differ from one another; from then on nothing more is noted.
    irregular: Option<String>,
}

impl ListShape {
    /// An element inside of `depth` lists. All elements stand in the innermost ones.
    pub(super) fn element(&mut self, depth: usize) {
        if depth != self.levels.len() {
            self.irregular.get_or_insert_with(|| format!("a number beside an array, {depth} levels deep"));
        }
        self.has_elements = true;
    }

    /// A list inside of `depth` others; false if that is too deep.
    pub(super) fn open(&mut self, depth: usize) -> bool {
        if depth >= MAX_DEPTH {
            return false;
        }
        if depth == self.levels.len() && self.irregular.is_none() {
            // This level is new. Only the way down to the first element may open one.
            if self.has_elements || self.levels.iter().any(Option::is_some) {
                self.irregular = Some(format!("an array beside a number, {depth} levels deep"));
            }
            self.levels.push(None);
        }
        true
    }

    /// The end of a list inside of `depth` others, with this many elements.
    pub(super) fn close(&mut self, depth: usize, length: usize) {
        match self.levels.get_mut(depth) {
            Some(Some(expected)) if *expected != length => {
                let expected = *expected;
                self.irregular.get_or_insert_with(|| format!("arrays of {expected} and of {length} elements"));
            }
            Some(level) => *level = Some(length),
            None => {}
        }
    }

    /// The length of each level, outermost first; empty for a single element without a list.
    ///
    /// # Errors
    /// [`InputError::WrongShape`] for lists that differ from one another.
    pub(super) fn shape(self) -> Result<Vec<usize>, InputError> {
        match self.irregular {
            None => Ok(self.levels.into_iter().flatten().collect()),
            Some(found) => {
                let expected = "arrays of equal length and depth".to_owned();
                Err(InputError::WrongShape { expected, found })
            }
        }
    }

    /// The refusal of lists that are nested too deeply.
    pub(super) fn too_deep() -> InputError {
        let expected = format!("arrays nested at most {MAX_DEPTH} deep");
        InputError::WrongShape { expected, found: "deeper ones".to_owned() }
    }
}
