//! Several services that live and end together.
//!
//! Rule of thumb: they start in the order given and end in the opposite one. If one ends by itself, all end.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::service::{LOOK_EVERY, Service, ServicePlan};
use terminal::StopRequest;

/// The running services, in their starting order.
pub(super) struct Supervisor {
    services: Vec<Service>,
}

impl Supervisor {
    /// Starts all of them, without waiting in between.
    ///
    /// # Errors
    /// Where one cannot be started; the earlier ones are ended again.
    pub(super) fn start(plans: &[ServicePlan]) -> Result<Self> {
        Ok(Self { services: plans.iter().map(Service::start).collect::<Result<_>>()? })
    }

    /// True when all are ready, false when a person asked to stop before.
    ///
    /// # Errors
    /// Where a service ended, or is not ready after `patience`.
    pub(super) fn wait_until_ready(&mut self, stop: &StopRequest, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        let mut ready = vec![false; self.services.len()];
        loop {
            for (service, ready) in self.services.iter().zip(&mut ready) {
                *ready = *ready || service.is_ready()?;
            }
            self.require_all_running()?;
            if stop.take() {
                return Ok(false);
            }
            let Some(late) = ready.iter().position(|ready| !ready) else {
                return Ok(true);
            };
            if Instant::now() >= deadline {
                let late = &self.services[late];
                bail!("{} is not ready after {patience:.0?}; {}", late.name(), late.last_words());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Returns when a person asks to stop.
    ///
    /// # Errors
    /// Where a service ends by itself before.
    pub(super) fn watch(&mut self, stop: &StopRequest) -> Result<()> {
        while !stop.take() {
            self.require_all_running()?;
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Ends one after the other, the last started first; each is given `patience`, cut short by another request.
    ///
    /// # Errors
    /// Where one of them had to be killed or failed on its way out. The others are ended all the same.
    pub(super) fn stop(&mut self, stop: &StopRequest, patience: Duration) -> Result<()> {
        let mut problems = Vec::new();
        for service in self.services.iter_mut().rev() {
            if let Err(error) = service.stop(stop, patience) {
                problems.push(format!("{error:#}"));
            }
        }
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }

    fn require_all_running(&mut self) -> Result<()> {
        for service in &mut self.services {
            if let Some(status) = service.ended()? {
                bail!("{} has ended by itself ({status}); {}", service.name(), service.last_words());
            }
        }
        Ok(())
    }
}
