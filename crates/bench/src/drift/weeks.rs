//! Many weeks without drift, of several kinds of traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use terminal::say;

use super::traffic::{RowStock, TrafficKind};
use super::week::{self, WeekFindings};
use crate::table::{self, thousands, verdict};

/// Predictions an hour.
pub(super) const SIZES: [u32; 3] = [100, 500, 5_000];
const MOST: f64 = 0.05;

/// Simulates so many weeks of each traffic, on all processors; what came out is a table of Markdown.
pub(super) fn simulate(weeks: u32) -> String {
    let mut lines = Vec::new();
    for kind in TrafficKind::ALL {
        let stock = RowStock::new(kind);
        for size in SIZES {
            let found = simulate_one(&stock, f64::from(size), u64::from(weeks));
            let share = |is_counted: fn(&WeekFindings) -> bool| {
                found.iter().filter(|week| is_counted(week)).count() as f64 / found.len().max(1) as f64
            };
            let alarms = share(|week| week.alarm);
            let percent = |share: f64| format!("{:.1} %", 100.0 * share);
            lines.push(vec![
                kind.describe().to_owned(),
                thousands(kind.reference_rows() as f64),
                thousands(f64::from(size)),
                percent(share(|week| week.alarm_each_look)),
                percent(share(|week| week.above_floor)),
                percent(alarms),
                verdict(alarms <= MOST),
            ]);
            say(format_args!("{}, {size} an hour: {}", kind.describe(), percent(alarms)));
        }
    }
    let head = [
        "50 features",
        "reference",
        "predictions an hour",
        "weeks with an alarm if each look had 5 %",
        "weeks above a noise floor",
        "weeks with an alarm",
        "at most 5 %",
    ];
    format!("{weeks} weeks of each.\n\n{}", table::text(&head, &lines))
}

fn simulate_one(stock: &RowStock, rows_an_hour: f64, weeks: u64) -> Vec<WeekFindings> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= weeks {
                return found;
            }
            found.push(week::simulate(stock, rows_an_hour, seed));
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    })
}
