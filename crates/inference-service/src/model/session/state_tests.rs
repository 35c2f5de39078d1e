//! No run leaves anything to the next: whoever asked in between, the answer to an input is the same.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::Session;
use super::loaded_graph::{load, runtimes};
use crate::input::ModelInput;
use crate::model::onnx::proto::{GraphProto, TensorProto};
use crate::model::onnx::written::{BOOL, FLOAT, INT64, file, floats, inner, int, node, text, value, wholes};
use crate::model::{RuntimeKind, Tensor, TensorValues};

/// How much a test's graph computes with.
#[derive(Clone, Copy, Debug)]
struct GraphSizes {
    steps: usize,
    batch: usize,
    width: usize,
    hidden: usize,
    both_ways: bool,
}

/// A graph that goes over a sequence.
#[derive(Clone, Copy, Debug)]
enum SequenceGraph {
    Lstm,
    Gru,
    GruLinear,
    Rnn,
    Scan,
    Loop,
    /// Without state, so that a mistake of the test shows.
    CumSum,
}

const GRAPHS: [SequenceGraph; 7] = [
    SequenceGraph::Lstm,
    SequenceGraph::Gru,
    SequenceGraph::GruLinear,
    SequenceGraph::Rnn,
    SequenceGraph::Scan,
    SequenceGraph::Loop,
    SequenceGraph::CumSum,
];

impl SequenceGraph {
    /// The file, whose one input `x` is [steps, batch, width].
    fn bytes(self, sizes: GraphSizes, weights: &[f32]) -> Vec<u8> {
        let gates = match self {
            Self::Lstm => 4,
            Self::Gru | Self::GruLinear => 3,
            Self::Rnn => 1,
            Self::Scan | Self::Loop | Self::CumSum => 0,
        };
        let GraphSizes { steps, batch, width, hidden, both_ways } = sizes;
        let mut graph = GraphProto { input: vec![value("x", FLOAT, &[steps, batch, width])], ..GraphProto::default() };
        let directions = 1 + usize::from(both_ways);
        let recurrent = |operator: &str| {
            let direction = if both_ways { "bidirectional" } else { "forward" };
            node(operator, &["x", "w", "r"], &["y", "last"])
                .with("hidden_size", int(hidden as i64))
                .with("direction", text(direction))
        };
        let outputs = vec![value("y", FLOAT, &[steps, directions, batch, hidden])];
        (graph.node, graph.output) = match self {
            Self::Lstm => (vec![recurrent("LSTM")], outputs),
            Self::Gru => (vec![recurrent("GRU")], outputs),
            Self::GruLinear => (vec![recurrent("GRU").with("linear_before_reset", int(1))], outputs),
            Self::Rnn => (vec![recurrent("RNN")], outputs),
            Self::Scan => {
                let scan = node("Scan", &["start", "x"], &["end", "y"]).with("num_scan_inputs", int(1));
                (vec![scan.with("body", inner(running_sum(batch, width)))], vec![value("y", FLOAT, &[0, 0, 0])])
            }
            Self::Loop => {
                let sum = node("Loop", &["trips", "", "x"], &["y"]).with("body", inner(doubling()));
                (vec![sum], vec![value("y", FLOAT, &[steps, batch, width])])
            }
            Self::CumSum => {
                (vec![node("CumSum", &["x", "axis"], &["y"])], vec![value("y", FLOAT, &[steps, batch, width])])
            }
        };
        graph.initializer = match self {
            Self::Scan => vec![floats("start", &[batch, width], vec![0.0; batch * width])],
            Self::Loop => vec![wholes("trips", &[], vec![steps as i64])],
            Self::CumSum => vec![wholes("axis", &[], vec![0])],
            _ => {
                let tensor = |name, columns: usize| -> TensorProto {
                    let dims = [directions, gates * hidden, columns];
                    floats(name, &dims, weights.iter().copied().cycle().take(dims.iter().product()).collect())
                };
                vec![tensor("w", width), tensor("r", hidden)]
            }
        };
        file(graph)
    }
}

fn running_sum(batch: usize, width: usize) -> GraphProto {
    GraphProto {
        name: "step".to_owned(),
        node: vec![node("Add", &["so_far", "row"], &["sum"]), node("Identity", &["sum"], &["told"])],
        input: vec![value("so_far", FLOAT, &[batch, width]), value("row", FLOAT, &[batch, width])],
        output: vec![value("sum", FLOAT, &[batch, width]), value("told", FLOAT, &[batch, width])],
        ..GraphProto::default()
    }
}

fn doubling() -> GraphProto {
    GraphProto {
        name: "turn".to_owned(),
        node: vec![node("Identity", &["goes"], &["goes_on"]), node("Add", &["v", "v"], &["doubled"])],
        input: vec![value("i", INT64, &[]), value("goes", BOOL, &[]), value("v", FLOAT, &[0, 0, 0])],
        output: vec![value("goes_on", BOOL, &[]), value("doubled", FLOAT, &[0, 0, 0])],
        ..GraphProto::default()
    }
}

fn input(sizes: GraphSizes, seed: f32) -> ModelInput {
    let shape = vec![sizes.steps, sizes.batch, sizes.width];
    let values = (0..shape.iter().product::<usize>()).map(|index| (index as f32 + seed).sin()).collect();
    ModelInput::of(vec![Tensor::new(shape, TensorValues::Fp32(values)).unwrap()])
}

fn sizes() -> impl Strategy<Value = GraphSizes> {
    (1..7_usize, 1..3_usize, 1..4_usize, 1..4_usize, any::<bool>())
        .prop_map(|(steps, batch, width, hidden, both_ways)| GraphSizes { steps, batch, width, hidden, both_ways })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_is_the_same_whoever_asked_in_between(
        sizes in sizes(),
        weights in prop::collection::vec(0.1_f32..1.0, 7..40),
        // Each client has an input of its own, and the sessions of two threads.
        asked in prop::collection::vec((0..3_usize, 0..2_usize), 2..12),
    ) {
        for runtime in runtimes() {
            for graph in GRAPHS {
                let loaded = match load(&graph.bytes(sizes, &weights), &runtime) {
                    Ok(loaded) => loaded,
                    Err(problem) => {
                        let is_known = matches!((runtime.kind(), graph), (RuntimeKind::Tract, SequenceGraph::Loop));
                        prop_assert!(is_known, "{graph:?} on {runtime:?}: {problem}");
                        continue;
                    }
                };
                let engine = &loaded.engine;
                let inputs = [0.0, 1.5, 40.0].map(|seed| input(sizes, seed));
                let alone = inputs.each_ref().map(|input| Session::new(engine).unwrap().run(input));
                if let [Err(problem), ..] = &alone {
                    // tract cannot run some sizes of it, and says so of every input.
                    let is_known = problem.to_string().contains("GruSeq: xw not contiguous");
                    prop_assert!(is_known && alone.iter().all(Result::is_err), "{graph:?} on {runtime:?}: {problem}");
                    continue;
                }
                let alone = alone.map(Result::unwrap);
                prop_assert!(alone[0] != alone[1], "{graph:?} on {runtime:?} answers nothing");
                let mut threads = [Session::warm(engine).unwrap(), Session::warm(engine).unwrap()];
                for (client, thread) in &asked {
                    let answer = threads[*thread].run(&inputs[*client]).unwrap();
                    prop_assert_eq!(&answer, &alone[*client], "{:?} on {:?}", graph, &runtime);
                }
            }
        }
    }
}
