//! Many weeks without drift, of several kinds of traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use terminal::say;

use super::traffic::{RowStock, TrafficKind};
use super::week::{self, WeekFindings};
use crate::table::{self, thousands, verdict};

/// Predictions an hour.
pub(super) const SIZES: [u32; 3] = [100, 500, 5_000];
const MOST: f64 = 0.05;

/// How much is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeeksPlan {
    /// Weeks of each kind of traffic at each rate.
    pub(super) weeks: u32,
    /// On so many processors.
    pub(super) threads: usize,
}

/// Simulates weeks of each traffic; what came out is a table of Markdown.
pub(super) fn simulate(plan: WeeksPlan) -> String {
    let mut lines = Vec::new();
    let mut all = SharedWeeks::default();
    for kind in TrafficKind::ALL {
        let stock = RowStock::new(kind);
        for size in SIZES {
            let started = Instant::now();
            let found = simulate_one(&stock, f64::from(size), plan);
            let share = |is_counted: fn(&WeekFindings) -> bool| SharedWeeks {
                counted: found.iter().filter(|week| is_counted(week)).count(),
                weeks: found.len(),
            };
            let alarms = share(|week| week.alarm);
            all = SharedWeeks { counted: all.counted + alarms.counted, weeks: all.weeks + alarms.weeks };
            lines.push(vec![
                kind.describe().to_owned(),
                thousands(kind.reference_rows() as f64),
                thousands(f64::from(size)),
                share(|week| week.alarm_each_look).percent(),
                share(|week| week.above_floor).percent(),
                alarms.percent(),
                alarms.interval(),
                alarms.judged(),
            ]);
            let each = started.elapsed().as_secs_f64() * 1e3 / f64::from(plan.weeks);
            say(format_args!("{}, {size} an hour: {} ({each:.0} ms a week)", kind.describe(), alarms.percent()));
        }
    }
    let head = [
        "50 features",
        "reference",
        "predictions an hour",
        "weeks with an alarm if each look had 5 %",
        "weeks above a noise floor",
        "weeks with an alarm",
        "95 % interval",
        "at most 5 %",
    ];
    let (weeks, table) = (thousands(f64::from(plan.weeks)), table::text(&head, &lines));
    let sum = format!("{} of all {} weeks have an alarm", all.counted, thousands(all.weeks as f64));
    format!("{weeks} weeks of each.\n\n{table}\n\n{sum} ({}).", all.interval())
}

/// Some of so many weeks.
#[derive(Clone, Copy, Debug, Default)]
struct SharedWeeks {
    counted: usize,
    weeks: usize,
}

impl SharedWeeks {
    fn share(self) -> f64 {
        self.counted as f64 / self.weeks.max(1) as f64
    }

    fn percent(self) -> String {
        format!("{:.1} %", 100.0 * self.share())
    }

    /// Between these the true share lies with a confidence of 95 % (Wilson 1927).
    fn limits(self) -> [f64; 2] {
        const Z: f64 = 1.959_963_985;
        let (share, weeks) = (self.share(), self.weeks.max(1) as f64);
        let middle = share + Z * Z / (2.0 * weeks);
        let reach = Z * (share * (1.0 - share) / weeks + Z * Z / (4.0 * weeks * weeks)).sqrt();
        [middle - reach, middle + reach].map(|limit| (limit / (1.0 + Z * Z / weeks)).clamp(0.0, 1.0))
    }

    /// Whether at most [`MOST`] are counted in the long run.
    fn judged(self) -> String {
        let [least, most] = self.limits();
        if most <= MOST || least > MOST { verdict(most <= MOST) } else { "too few weeks".to_owned() }
    }

    fn interval(self) -> String {
        let [least, most] = self.limits().map(|limit| 100.0 * limit);
        format!("{least:.2} to {most:.2} %")
    }
}

fn simulate_one(stock: &RowStock, rows_an_hour: f64, plan: WeeksPlan) -> Vec<WeekFindings> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= u64::from(plan.weeks) {
                return found;
            }
            found.push(week::simulate(stock, rows_an_hour, seed));
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_literature() {
        let near = |counted, weeks, expected: [f64; 2]| {
            let limits = SharedWeeks { counted, weeks }.limits();
            limits.into_iter().zip(expected).for_each(|(limit, expected)| assert!((limit - expected).abs() < 5e-5));
        };
        near(0, 1_000, [0.0, 0.0038]);
        near(1, 25, [0.0071, 0.1954]);
        near(81, 263, [0.2553, 0.3662]);
        let judged = [(0, 1_000), (0, 10), (90, 1_000)].map(|(counted, weeks)| SharedWeeks { counted, weeks }.judged());
        assert_eq!(judged, ["kept", "too few weeks", "MISSED"]);
    }
}
