//! Everything that a scenario can name, gathered from the lists.

use serde::Serialize;
use serde_json::Value;

use crate::call::CALLS;
use crate::key::KEYS;
use crate::key::contract::Of;
use crate::place::PLACES;
use crate::place::observer::OBSERVERS;
use crate::registry::Entry;
use crate::scenario::options::known_options;
use crate::server::MODELS;
use crate::stack::STACKS;
use crate::stack::driver::DRIVERS;
use crate::stack::pairing::Pairing;
use crate::transport::TRANSPORTS;

/// All words of all lists, with what each is.
#[derive(Debug, Serialize)]
pub(crate) struct Catalogue {
    /// How bytes travel.
    pub transports: Vec<Word>,
    /// How a server gives clients their turn.
    pub servers: Vec<Word>,
    /// Whose server a target is.
    pub stacks: Vec<Word>,
    /// Whose client makes the calls.
    pub drivers: Vec<Word>,
    /// What is asked.
    pub calls: Vec<ServiceCall>,
    /// What a transport or a server model can be told.
    pub options: Vec<Setting>,
    /// The keys of targets and workloads.
    pub keys: Vec<Setting>,
    /// What is read of the processes of an end.
    pub observers: Vec<Word>,
    /// Where ends run.
    pub places: Vec<Word>,
    /// Who fits whom.
    pub pairings: Vec<Paired>,
}

/// A named thing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Word {
    /// The word in YAML.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: String,
}

/// A call of the reference service.
#[derive(Debug, Serialize)]
pub(crate) struct ServiceCall {
    /// The word in YAML.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: String,
    /// Keys that cannot be left out with it.
    pub needs: Vec<&'static str>,
    /// Other keys that most calls do not use, and this one does.
    pub uses: Vec<&'static str>,
}

/// An option or a key: something that takes a value.
#[derive(Debug, Serialize)]
pub(crate) struct Setting {
    /// The word in YAML.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: String,
    /// What it belongs to: transports and models for an option, `target` or `workload` for a key.
    pub of: Vec<&'static str>,
    /// The values that it takes, in words; none where the schema has more to say.
    pub takes: Option<String>,
    /// What stands where it is not written.
    pub default: Option<String>,
    /// Values as one would write them.
    pub examples: Vec<Value>,
}

/// One combination.
#[derive(Debug, Serialize)]
pub(crate) struct Paired {
    /// How bytes travel.
    pub transport: &'static str,
    /// How the server gives clients their turn.
    pub server: &'static str,
    /// Whose server it is.
    pub stack: &'static str,
    /// Whose client calls it.
    pub driver: &'static str,
    /// Whether they fit.
    pub fits: bool,
    /// Why not, where they do not.
    pub reason: Option<String>,
}

impl Catalogue {
    /// What the lists of this build hold.
    pub(crate) fn gathered() -> Self {
        Catalogue {
            transports: words(TRANSPORTS),
            servers: words(MODELS),
            stacks: words(STACKS),
            drivers: words(DRIVERS),
            calls: calls(),
            options: options(),
            keys: keys(),
            observers: words(OBSERVERS),
            places: words(PLACES),
            pairings: pairings(),
        }
    }

    /// Every list under its name, each word with what it is.
    pub(crate) fn lists(&self) -> Vec<(&'static str, Vec<Word>)> {
        let of_settings = |settings: &[Setting]| {
            let word = |it: &Setting| Word { name: it.name, about: it.about.clone() };
            settings.iter().map(word).collect::<Vec<_>>()
        };
        let calls = self.calls.iter().map(|it| Word { name: it.name, about: it.about.clone() });
        vec![
            ("transports", self.transports.clone()),
            ("servers", self.servers.clone()),
            ("stacks", self.stacks.clone()),
            ("drivers", self.drivers.clone()),
            ("calls", calls.collect()),
            ("options", of_settings(&self.options)),
            ("keys", of_settings(&self.keys)),
            ("observers", self.observers.clone()),
            ("places", self.places.clone()),
        ]
    }
}

fn words<T: Entry + ?Sized>(list: &'static [&'static T]) -> Vec<Word> {
    list.iter().map(|entry| Word { name: entry.name(), about: entry.about().to_owned() }).collect()
}

fn calls() -> Vec<ServiceCall> {
    let listed = CALLS.iter().map(|call| {
        let keys = |needed: bool| {
            call.keys().iter().filter(|used| used.example.is_some() == needed).map(|used| used.key).collect()
        };
        ServiceCall { name: call.name(), about: call.about().to_owned(), needs: keys(true), uses: keys(false) }
    });
    listed.collect()
}

fn options() -> Vec<Setting> {
    let listed = known_options().into_iter().map(|(spec, of)| Setting {
        name: spec.name,
        about: spec.about.to_owned(),
        of,
        takes: Some(spec.kind.to_string()),
        default: Some(spec.default.to_owned()),
        examples: Vec::new(),
    });
    listed.collect()
}

fn keys() -> Vec<Setting> {
    let listed = KEYS.iter().map(|key| Setting {
        name: key.name(),
        about: key.about().to_owned(),
        of: vec![match key.of() {
            Of::Target => "target",
            Of::Workload => "workload",
            Of::Link => "link",
        }],
        takes: None,
        default: key.default().map(|default| default.to_string()),
        examples: key.examples(),
    });
    listed.collect()
}

fn pairings() -> Vec<Paired> {
    let mut pairings = Vec::new();
    for &transport in TRANSPORTS {
        for &model in MODELS {
            for &stack in STACKS {
                for &driver in DRIVERS {
                    let refusal = Pairing::of(transport, model, stack, driver).err();
                    pairings.push(Paired {
                        transport: transport.name(),
                        server: model.name(),
                        stack: stack.name(),
                        driver: driver.name(),
                        fits: refusal.is_none(),
                        reason: refusal.map(|refusal| refusal.reason),
                    });
                }
            }
        }
    }
    pairings
}
