//! Models with fewer instances than there are threads.

use super::*;
use crate::model::ModelInstances;

fn flow(name: &str, batching: BatchPolicy, instances: ModelInstances) -> Arc<Flow> {
    Arc::new(Flow::new(name, 1.0, batching).of(instances))
}

#[test]
fn a_thread_gets_no_turn_that_would_wait_for_an_instance() {
    let large = flow("large", BatchPolicy::SINGLE, ModelInstances { count: 1, intra_threads: 1 });
    let small = flow("small", BatchPolicy::SINGLE, ModelInstances { count: 3, intra_threads: 1 });
    let mut lanes = Lanes::new(100, 3);
    admit_many(&mut lanes, &large, 3);
    admit_many(&mut lanes, &small, 1);
    let first = next(&mut lanes).unwrap();
    assert_eq!(first.flow.name(), "large");
    assert_eq!(next(&mut lanes).unwrap().flow.name(), "small");
    assert!(next(&mut lanes).is_none(), "two items wait for the one instance");
    let seconds = TurnSeconds { charged: first.charged, took: 1.0 };
    assert!(lanes.end_turn(&large, seconds), "whoever waits is to be told");
    assert_eq!(next(&mut lanes).unwrap().flow.name(), "large");
}

#[test]
fn what_waits_for_few_instances_goes_together() {
    let batching = BatchPolicy { limit: 8, max_delay: Duration::ZERO };
    for (count, expected) in [(1, 8), (2, 4), (4, 2)] {
        let flow = flow("m", batching, ModelInstances { count, intra_threads: 1 });
        let mut lanes = Lanes::new(100, 4);
        admit_many(&mut lanes, &flow, 8);
        assert_eq!(next(&mut lanes).unwrap().items.len(), expected, "{count} instances");
    }
}

#[test]
fn a_run_on_several_threads_costs_as_many() {
    let wide = flow("wide", BatchPolicy::SINGLE, ModelInstances { count: 1, intra_threads: 4 });
    let mut lanes = Lanes::new(100, 4);
    admit_many(&mut lanes, &wide, 1);
    assert_eq!(next(&mut lanes).unwrap().charged, 4.0);
}

#[test]
fn items_that_wait_for_one_instance_take_as_long_as_on_one_thread() {
    let large = flow("large", BatchPolicy::SINGLE, ModelInstances { count: 1, intra_threads: 1 });
    let mut lanes = Lanes::<u64>::new(4, 4);
    lanes.admit(&large, 4, false).unwrap();
    // Seconds of all four threads, by which the answer divides.
    assert_eq!(lanes.admit(&large, 1, false), Err(QueueFull { held: 4, work_ahead: 16.0 }));
}
