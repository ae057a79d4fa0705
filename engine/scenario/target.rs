//! A target multiplied out: each combination of its words and options, under its name.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::scenario::Target;
use crate::scenario::axis::{Axis, Named};
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
}

impl Candidate {
    /// The pairing, or why it cannot be.
    pub fn pairing(&self) -> Result<Pairing, Refusal> {
        Pairing::of(self.transport, self.model, self.stack, self.driver)?.with(&self.options)
    }

    /// Every axis of a target by name.
    pub fn coordinates(&self) -> Map<String, Value> {
        let words = [
            ("target", self.name.clone()),
            ("transport", self.transport.name().to_owned()),
            ("server", self.model.name().to_owned()),
            ("stack", self.stack.name().to_owned()),
            ("driver", self.driver.name().to_owned()),
        ];
        let words = words.into_iter().map(|(axis, word)| (axis.to_owned(), Value::from(word)));
        let options = self.options.0.iter().map(|(name, value)| {
            let value = match value {
                OptionValue::Flag(flag) => Value::from(*flag),
                OptionValue::Count(count) => Value::from(*count),
                OptionValue::Word(word) => Value::from(word.clone()),
            };
            (name.clone(), value)
        });
        words.chain(options).collect()
    }
}

impl Target {
    /// Every combination, in the order of the file.
    pub fn candidates(&self) -> Vec<Candidate> {
        let stacks = values(self.stack.as_ref(), Named(&native::Native as &dyn Stack));
        let drivers = values(self.driver.as_ref(), Named(&driver::native::Native as &dyn Driver));
        let options = self.combined_options();
        let mut candidates = Vec::new();
        for transport in self.transport.values() {
            for model in self.server.values() {
                for &stack in &stacks {
                    for &driver in &drivers {
                        for options in &options {
                            let mut candidate = Candidate {
                                name: String::new(),
                                transport: transport.0,
                                model: model.0,
                                stack: stack.0,
                                driver: driver.0,
                                options: options.clone(),
                            };
                            candidate.name = self.name_of(&candidate);
                            candidates.push(candidate);
                        }
                    }
                }
            }
        }
        candidates
    }

    /// How many combinations there are, without making them.
    pub(crate) fn count(&self) -> u64 {
        let lengths = [
            self.transport.values().len(),
            self.server.values().len(),
            self.stack.as_ref().map_or(1, |axis| axis.values().len()),
            self.driver.as_ref().map_or(1, |axis| axis.values().len()),
        ];
        let options = self.options.values().map(|axis| axis.values().len());
        lengths.into_iter().chain(options).fold(1, |product, length| product.saturating_mul(length as u64))
    }

    fn combined_options(&self) -> Vec<Options> {
        let mut combined = vec![Options::default()];
        for (name, axis) in &self.options {
            combined = combined
                .iter()
                .flat_map(|so_far| {
                    axis.values().iter().map(|value| {
                        let mut options = so_far.clone();
                        options.0.insert(name.clone(), value.clone());
                        options
                    })
                })
                .collect();
        }
        combined
    }

    fn name_of(&self, candidate: &Candidate) -> String {
        let Candidate { transport, model, stack, driver, options, .. } = candidate;
        let mut name = match &self.name {
            None => words(*transport, *model, *stack, *driver),
            Some(given) => {
                let varying = [
                    self.transport.varies().then(|| transport.name().to_owned()),
                    self.server.varies().then(|| model.name().to_owned()),
                    self.stack.as_ref().is_some_and(Axis::varies).then(|| stack.name().to_owned()),
                    self.driver.as_ref().is_some_and(Axis::varies).then(|| format!("{}-driver", driver.name())),
                ];
                [Some(given.clone())].into_iter().chain(varying).flatten().collect::<Vec<_>>().join("-")
            }
        };
        for (option, value) in &options.0 {
            if self.options.get(option).is_some_and(Axis::varies) {
                // Writing to a string cannot fail.
                let _ = write!(name, "-{option}={value}");
            }
        }
        name
    }
}

fn values<T: Copy + PartialEq>(axis: Option<&Axis<T>>, default: T) -> Vec<T> {
    axis.map_or_else(|| vec![default], |axis| axis.values().to_vec())
}
