//! A target multiplied out: each combination of its words and options, under its name.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::call::own::grpc::Proto;
use crate::call::own::{OwnCall, Protocol};
use crate::key::contract::Of;
use crate::key::load::Point;
use crate::key::place::HERE;
use crate::key::setting::Setting;
use crate::key::settings::Settings;
use crate::scenario::written::Target;
use crate::secret::Secret;
use crate::stack::contract::{Driver, Refusal};
use crate::stack::driver;
use crate::stack::native;
use crate::stack::own::{Fresh, Own, Who};
use crate::stack::pairing::{Pairing, Serving, words};
use crate::template::Template;
use crate::transport::contract::Transport;
use crate::transport::option::{OptionValue, Options};

/// How long a server may take until it is ready, where nothing says it.
const WITHIN: Duration = Duration::from_secs(30);

/// One combination of a target's words and options, which may yet be refused.
#[derive(Clone)]
pub struct Candidate {
    /// Its name in reports: the words or the given name, and whatever varies inside the target.
    pub name: String,
    /// How bytes travel.
    pub transport: &'static dyn Transport,
    /// Who serves.
    pub serving: Serving,
    /// Whose client makes the calls.
    pub driver: &'static dyn Driver,
    /// The place where its server runs; none where that is here.
    pub place: Option<String>,
    /// One value for each option that is set.
    pub options: Options,
    settings: Settings,
}

impl Candidate {
    /// The pairing, or why it cannot be.
    pub fn pairing(&self) -> Result<Pairing, Refusal> {
        match &self.serving {
            Serving::Model { model, stack } => {
                Pairing::of(self.transport, *model, *stack, self.driver)?.with(&self.options)
            }
            Serving::Own(own) => Pairing::own(self.transport, own.clone()).with(&self.options),
        }
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
            Some(Protocol::Grpc) if call.grpc.is_some() => self.lacks(call),
            Some(protocol) if call.speaks(protocol) => None,
            Some(protocol) => Some(format!("`{}` has {} only, and {name} asks by `{protocol}`", call.name, has())),
        }
    }

    /// What it lacks to be asked a call of gRPC.
    fn lacks(&self, call: &OwnCall) -> Option<String> {
        match &self.serving.own()?.proto {
            None => Some(format!(
                "nothing says what the messages of `{}` are: give it `proto: orders.proto`, or `proto: reflection`",
                self.name
            )),
            Some(Proto::Files { descriptors, .. }) => Some(call.grpc.as_ref()?.unknown(descriptors)?.what),
            Some(Proto::Reflection) => None,
        }
    }

    /// True where its server is the user's own.
    pub fn is_own(&self) -> bool {
        self.serving.own().is_some()
    }

    /// Every key, option and word of `vary` of a target with its value.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Target {
    /// Every combination, in the order of the file.
    pub fn candidates(&self) -> Vec<Candidate> {
        let (options, knobs) = (self.combined_options(), self.combined_knobs());
        let points = self.axes.points(Of::Target, &Point { own: self.is_own(), ..Point::default() }, &[]);
        let mut candidates = Vec::new();
        for (point, options) in points.iter().flat_map(|point| options.iter().map(move |options| (point, options))) {
            candidates.extend(knobs.iter().filter_map(|knobs| self.candidate(point, options, knobs)));
        }
        candidates
    }

    fn candidate(&self, (point, words): &(Point, Settings), options: &Options, knobs: &Settings) -> Option<Candidate> {
        let serving = match self.own(knobs) {
            Some(own) => Serving::Own(Arc::new(own)),
            None => Serving::Model { model: point.model?, stack: point.stack.unwrap_or(&native::Native) },
        };
        let mut candidate = Candidate {
            name: String::new(),
            transport: point.transport?,
            serving,
            driver: point.driver.unwrap_or(&driver::native::Native),
            place: point.place.clone(),
            options: options.clone(),
            settings: Settings::default(),
        };
        candidate.name = self.name_of(&candidate, knobs);
        candidate.settings.extend(words);
        options.0.iter().for_each(|(name, value)| candidate.settings.put(name, value.into()));
        candidate.settings.extend(knobs);
        Some(candidate)
    }

    /// True where its server is the user's own.
    pub fn is_own(&self) -> bool {
        self.own_key().is_some()
    }

    /// The key that says who its own server is.
    pub(crate) fn own_key(&self) -> Option<&'static str> {
        self.launch.as_ref().map(|_| "launch").or(self.at.as_ref().map(|_| "at"))
    }

    /// Its own server with one value of each knob; none where it has none of its own.
    fn own(&self, knobs: &Settings) -> Option<Own> {
        let value = |word: &str| knobs.text(word);
        let who = match (&self.launch, &self.at) {
            (Some(launch), _) => {
                // What cannot be split or parsed has been told where it was read.
                let words = shell_words::split(launch).unwrap_or_default();
                Who::Launch(
                    words.iter().filter_map(|word| Template::parse(word).ok()).map(|it| it.fill(value)).collect(),
                )
            }
            (None, at) => Who::At(at.clone()?),
        };
        let filled = |text: &Secret| {
            Secret::new(Template::parse(text.reveal()).map(|it| it.fill(value).to_string()).unwrap_or_default())
        };
        Some(Own {
            who,
            env: self.env.iter().map(|(name, text)| (name.clone(), filled(text))).collect(),
            ready: self.ready.clone(),
            within: self.within.map_or(WITHIN, |within| within.0),
            fresh: self.fresh.unwrap_or(Fresh::Trial),
            with: self.with.clone(),
            proto: self.proto.clone(),
        })
    }

    /// How many combinations there are, without making them.
    pub(crate) fn count(&self) -> u64 {
        let options = self.options.values().map(|values| values.len() as u64);
        let knobs = self.vary.iter().map(|(_, values)| values.len() as u64);
        options.chain(knobs).fold(self.axes.count(), u64::saturating_mul)
    }

    fn combined_knobs(&self) -> Vec<Settings> {
        let mut combined = vec![Settings::default()];
        for (word, values) in &self.vary {
            let with = |so_far: &Settings, value: &Setting| {
                let mut knobs = so_far.clone();
                knobs.put(word, value.clone());
                knobs
            };
            combined = combined.iter().flat_map(|so_far| values.iter().map(move |value| with(so_far, value))).collect();
        }
        combined
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

    fn name_of(&self, candidate: &Candidate, knobs: &Settings) -> String {
        let Candidate { transport, serving, driver, options, .. } = candidate;
        let mut name = match &self.name {
            None => words(*transport, serving, *driver),
            Some(given) => {
                let model = serving.model();
                let varying = [
                    self.axes.varies("transport").then(|| transport.name().to_owned()),
                    model.filter(|_| self.axes.varies("server")).map(|(model, _)| model.name().to_owned()),
                    model.filter(|_| self.axes.varies("stack")).map(|(_, stack)| stack.name().to_owned()),
                    self.axes.varies("driver").then(|| format!("{}-driver", driver.name())),
                ];
                [Some(given.clone())].into_iter().chain(varying).flatten().collect::<Vec<_>>().join("-")
            }
        };
        let place = self.axes.varies("place").then(|| candidate.place.clone().unwrap_or_else(|| HERE.to_owned()));
        let place = place.map(|place| ("place", place));
        let options = options.0.iter().filter(|(option, _)| self.options.get(*option).is_some_and(|it| it.len() > 1));
        let options = options.map(|(option, value)| (option.as_str(), value.to_string()));
        let varied = self.vary.iter().filter(|(_, values)| values.len() > 1);
        let knobs = varied.filter_map(|(word, _)| Some((word.as_str(), knobs.text(word)?)));
        for (key, value) in place.into_iter().chain(options).chain(knobs) {
            // Writing to a string cannot fail.
            let _ = write!(name, "-{key}={value}");
        }
        name
    }

    /// The keys, options and words of `vary` along which its targets differ.
    pub fn varying(&self) -> impl Iterator<Item = &str> {
        let words =
            ["transport", "server", "stack", "driver", "place"].into_iter().filter(|name| self.axes.varies(name));
        let options = self.options.iter().filter(|(_, values)| values.len() > 1).map(|(name, _)| name.as_str());
        let knobs = self.vary.iter().filter(|(_, values)| values.len() > 1).map(|(word, _)| word.as_str());
        words.chain(options).chain(knobs)
    }
}
