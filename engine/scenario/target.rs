//! A target multiplied out: each combination of its words and options, under its name.

use std::fmt::Write;

use crate::call::own::OwnCall;
use crate::key::contract::Of;
use crate::key::load::Point;
use crate::key::settings::Settings;
use crate::scenario::written::Target;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Refusal, Stack};
use crate::stack::driver;
use crate::stack::native;
use crate::stack::pairing::{Pairing, words};
use crate::transport::contract::{OptionValue, Options, Transport};

/// One combination of a target's words and options, which may yet be refused.
#[derive(Clone)]
pub struct Candidate {
    /// Its name in reports: the words or the given name, and whatever varies inside the target.
    pub name: String,
    /// How bytes travel.
    pub transport: &'static dyn Transport,
    /// How clients get their turn.
    pub model: &'static dyn Model,
    /// Whose server it is.
    pub stack: &'static dyn Stack,
    /// Whose client makes the calls.
    pub driver: &'static dyn Driver,
    /// One value for each option that is set.
    pub options: Options,
    settings: Settings,
}

impl Candidate {
    /// The pairing, or why it cannot be.
    pub fn pairing(&self) -> Result<Pairing, Refusal> {
        Pairing::of(self.transport, self.model, self.stack, self.driver)?.with(&self.options)
    }

    /// Why it cannot be asked that call of the user's own, where it cannot.
    pub fn cannot_ask(&self, call: &OwnCall) -> Option<String> {
        let name = self.transport.name();
        let has = || call.protocols().map(|protocol| format!("`{protocol}`")).collect::<Vec<_>>().join(", ");
        match self.transport.asks() {
            _ if !self.is_own() => {
                Some(format!("`{}` is a server of ours, which answers only the calls of the service", self.name))
            }
            None => Some(format!("{name} carries no calls of your own")),
            Some(protocol) if call.speaks(protocol) => None,
            Some(protocol) => Some(format!("`{}` has {} only, and {name} asks by `{protocol}`", call.name, has())),
        }
    }

    /// True where its server is the user's own.
    pub fn is_own(&self) -> bool {
        false
    }

    /// Every key and option of a target with its value.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Target {
    /// Every combination, in the order of the file.
    pub fn candidates(&self) -> Vec<Candidate> {
        let options = self.combined_options();
        let points = self.axes.points(Of::Target, &Point::default());
        points.iter().flat_map(|point| options.iter().filter_map(|options| self.candidate(point, options))).collect()
    }

    fn candidate(&self, (point, words): &(Point, Settings), options: &Options) -> Option<Candidate> {
        let mut candidate = Candidate {
            name: String::new(),
            transport: point.transport?,
            model: point.model?,
            stack: point.stack.unwrap_or(&native::Native),
            driver: point.driver.unwrap_or(&driver::native::Native),
            options: options.clone(),
            settings: Settings::default(),
        };
        candidate.name = self.name_of(&candidate);
        candidate.settings.extend(words);
        options.0.iter().for_each(|(name, value)| candidate.settings.put(name, value.into()));
        Some(candidate)
    }

    /// How many combinations there are, without making them.
    pub(crate) fn count(&self) -> u64 {
        let options = self.options.values().map(|values| values.len() as u64);
        options.fold(self.axes.count(), u64::saturating_mul)
    }

    fn combined_options(&self) -> Vec<Options> {
        let mut combined = vec![Options::default()];
        for (name, values) in &self.options {
            let with = |so_far: &Options, value: &OptionValue| {
                let mut options = so_far.clone();
                options.0.insert(name.clone(), value.clone());
                options
            };
            combined = combined.iter().flat_map(|so_far| values.iter().map(move |value| with(so_far, value))).collect();
        }
        combined
    }

    fn name_of(&self, candidate: &Candidate) -> String {
        let Candidate { transport, model, stack, driver, options, .. } = candidate;
        let mut name = match &self.name {
            None => words(*transport, *model, *stack, *driver),
            Some(given) => {
                let varying = [
                    self.axes.varies("transport").then(|| transport.name().to_owned()),
                    self.axes.varies("server").then(|| model.name().to_owned()),
                    self.axes.varies("stack").then(|| stack.name().to_owned()),
                    self.axes.varies("driver").then(|| format!("{}-driver", driver.name())),
                ];
                [Some(given.clone())].into_iter().chain(varying).flatten().collect::<Vec<_>>().join("-")
            }
        };
        for (option, value) in &options.0 {
            if self.options.get(option).is_some_and(|values| values.len() > 1) {
                // Writing to a string cannot fail.
                let _ = write!(name, "-{option}={value}");
            }
        }
        name
    }

    /// The keys and options along which its targets differ.
    pub fn varying(&self) -> impl Iterator<Item = &str> {
        let words = ["transport", "server", "stack", "driver"].into_iter().filter(|name| self.axes.varies(name));
        words.chain(self.options.iter().filter(|(_, values)| values.len() > 1).map(|(name, _)| name.as_str()))
    }
}
