//! Whatever happens in whatever order, every item goes once, and places are neither made nor lost.

use super::*;

/// Models, each with a flow.
const FLOWS: usize = 3;

#[derive(Clone, Debug)]
enum LaneStep {
    Admit { flow: usize, items: usize, alone: bool },
    GiveBack { flow: usize },
    Push { flow: usize },
    Remove { pushed: usize },
    Next,
    End { running: usize, took: f64 },
}

fn step() -> impl Strategy<Value = LaneStep> {
    let admit = (0..FLOWS, 1..6_usize, prop::bool::weighted(0.1));
    prop_oneof![
        1 => admit.prop_map(|(flow, items, alone)| LaneStep::Admit { flow, items, alone }),
        1 => (0..FLOWS).prop_map(|flow| LaneStep::GiveBack { flow }),
        4 => (0..FLOWS).prop_map(|flow| LaneStep::Push { flow }),
        1 => (0..1000_usize).prop_map(|pushed| LaneStep::Remove { pushed }),
        2 => Just(LaneStep::Next),
        2 => (0..8_usize, 0.0..10.0).prop_map(|(running, took)| LaneStep::End { running, took }),
    ]
}

/// The lanes, and what they must be equal to: a list for each model.
struct LanesAndLists {
    lanes: Lanes<u64>,
    flows: Vec<Arc<Flow>>,
    limit: usize,
    /// Most items that run together.
    most: usize,
    free: [usize; FLOWS],
    waiting: [VecDeque<u64>; FLOWS],
    /// The flow of each item that was ever pushed.
    pushed: Vec<usize>,
    running: Vec<Turn<u64>>,
}

impl LanesAndLists {
    fn new(limit: usize, most: usize) -> Self {
        Self {
            lanes: Lanes::new(limit, 2),
            flows: together(&[0.0, 1.0, 3.0], BatchPolicy { limit: most, max_delay: Duration::ZERO }),
            limit,
            most,
            free: [0; FLOWS],
            waiting: Default::default(),
            pushed: Vec::new(),
            running: Vec::new(),
        }
    }

    fn held(&self, flow: usize) -> usize {
        self.free[flow] + self.waiting[flow].len()
    }

    fn step(&mut self, step: LaneStep) {
        match step {
            LaneStep::Admit { flow, items, alone } => self.admit(flow, items, alone),
            LaneStep::GiveBack { flow } => self.give_back(flow),
            LaneStep::Push { flow } if self.free[flow] > 0 => {
                let number = self.lanes.push(&self.flows[flow], self.pushed.len() as u64, Instant::now());
                assert_eq!(number, self.pushed.len() as u64);
                self.free[flow] -= 1;
                self.pushed.push(flow);
                self.waiting[flow].push_back(number);
            }
            LaneStep::Remove { pushed } if !self.pushed.is_empty() => self.remove(pushed % self.pushed.len()),
            LaneStep::Next => self.next(),
            LaneStep::End { running, took } if !self.running.is_empty() => {
                let turn = self.running.swap_remove(running % self.running.len());
                self.end(&turn, took);
            }
            LaneStep::Push { .. } | LaneStep::Remove { .. } | LaneStep::End { .. } => {}
        }
        let held: Vec<usize> = (0..FLOWS).map(|flow| self.held(flow)).collect();
        assert_eq!(self.lanes.held(), held.iter().sum::<usize>());
        assert_eq!(self.flows.iter().map(|flow| flow.held()).collect::<Vec<_>>(), held);
    }

    fn admit(&mut self, flow: usize, items: usize, alone: bool) {
        let all: usize = (0..FLOWS).map(|flow| self.held(flow)).sum();
        let held = self.held(flow);
        let left = self.limit.checked_sub(all + items);
        let may = left.is_some_and(|left| alone || held == 0 || held + items <= 8 * left);
        assert_eq!(self.lanes.admit(&self.flows[flow], items, alone).is_ok(), may);
        self.free[flow] += if may { items } else { 0 };
    }

    fn give_back(&mut self, flow: usize) {
        self.lanes.give_back(&self.flows[flow], self.free[flow]);
        self.free[flow] = 0;
    }

    fn remove(&mut self, number: usize) {
        let flow = self.pushed[number];
        let position = self.waiting[flow].iter().position(|other| *other == number as u64);
        let expected = position.and_then(|position| self.waiting[flow].remove(position));
        assert_eq!(self.lanes.remove(&self.flows[flow], number as u64), expected);
    }

    fn next(&mut self) {
        let Some(turn) = next(&mut self.lanes) else {
            return assert!(self.waiting.iter().all(VecDeque::is_empty));
        };
        let flow = self.flows.iter().position(|flow| Arc::ptr_eq(flow, &turn.flow)).unwrap();
        assert!((1..=self.most).contains(&turn.items.len()));
        for item in &turn.items {
            assert_eq!(Some(*item), self.waiting[flow].pop_front());
        }
        self.running.push(turn);
    }

    fn end(&mut self, turn: &Turn<u64>, took: f64) {
        self.lanes.end_turn(&turn.flow, TurnSeconds { charged: turn.charged, took });
    }

    /// When all is over, nothing is left of any model.
    fn finish(mut self) {
        for flow in 0..FLOWS {
            self.give_back(flow);
        }
        while let Some(turn) = next(&mut self.lanes) {
            self.running.push(turn);
        }
        for turn in std::mem::take(&mut self.running) {
            self.end(&turn, 1.0);
        }
        assert_eq!((self.lanes.held(), self.lanes.lanes()), (0, 0));
    }
}

proptest! {
    /// Nothing is lost, nothing comes twice, a model's items keep their order, and no places are made or lost.
    #[test]
    fn whatever_happens_every_item_goes_once_and_in_order(
        steps in prop::collection::vec(step(), 1..300),
        limit in 1..20_usize,
        most in 1..5_usize,
    ) {
        let mut both = LanesAndLists::new(limit, most);
        for step in steps {
            both.step(step);
        }
        both.finish();
    }
}
