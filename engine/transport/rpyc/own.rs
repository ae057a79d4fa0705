//! Calls of the user's own: their arguments as brine, and what their results are worth.

use std::sync::Arc;

use crate::call::own::search::Search;
use crate::call::own::{Argument, Material, OwnCall, RpycCall};
use crate::call::{CallError, CallSpec, Fill, Own};
use crate::transport::contract::Reply;
use crate::transport::rpyc::boxed::{Boxed, put_value};
use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::exception::describe;

/// The user's own calls on one connection.
pub(crate) struct OwnCalls {
    calls: Arc<[OwnCall]>,
    searches: Vec<Option<Search>>,
    asked: Own,
    looks: bool,
    /// Bytes of the result so far, where it is text or bytes.
    received: u64,
    scratch: Vec<u8>,
    /// The result, where values are taken from it, and why it cannot be kept, where it cannot.
    material: Option<Box<Material>>,
    unkept: Result<(), CallError>,
}

impl OwnCalls {
    /// Those calls.
    pub(crate) fn new(calls: Arc<[OwnCall]>) -> Self {
        let search = |call: &OwnCall| call.contains.as_ref().map(|text| Search::new(text.as_bytes()));
        let asked = Own { call: 0, client: 0, number: 0 };
        let searches = calls.iter().map(search).collect();
        let (scratch, material, unkept) = (Vec::new(), None, Ok(()));
        OwnCalls { searches, calls, asked, looks: false, received: 0, scratch, material, unkept }
    }

    /// The method of each call.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(|call| call.rpyc.as_ref().map_or("", |rpyc| rpyc.method.as_str()))
    }

    /// Begins a call.
    pub(crate) fn begin(&mut self, ask: CallSpec, content: bool) {
        if let CallSpec::Own(own) = ask {
            self.asked = own;
        }
        (self.looks, self.received) = (content, 0);
        let keeps = self.call().is_some_and(|(call, _)| !call.take.is_empty());
        (self.material, self.unkept) = (keeps.then(Box::default), Ok(()));
        if let Some(search) = self.search() {
            search.restart();
        }
    }

    fn search(&mut self) -> Option<&mut Search> {
        self.searches.get_mut(usize::from(self.asked.call)).and_then(Option::as_mut).filter(|_| self.looks)
    }

    fn call(&self) -> Option<(&OwnCall, &RpycCall)> {
        let call = self.calls.get(usize::from(self.asked.call))?;
        Some((call, call.rpyc.as_ref()?))
    }

    /// Appends the boxes of the arguments: those by their order, then those by name.
    pub(crate) fn put(&mut self, fill: &Fill, out: &mut Vec<u8>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let own = self.asked;
        let (args, kwargs) = self.call().map_or((&[][..], &[][..]), |(_, call)| (&call.args[..], &call.kwargs[..]));
        put_value(out);
        brine::put(out, Token::Tuple(args.len() as u32));
        args.iter().for_each(|value| put(value, own, fill, &mut scratch, out));
        put_value(out);
        brine::put(out, Token::Tuple(kwargs.len() as u32));
        for (name, value) in kwargs {
            brine::put(out, Token::Tuple(2));
            brine::put(out, Token::Text(name));
            put(value, own, fill, &mut scratch, out);
        }
        self.scratch = scratch;
    }

    /// Takes bytes of the result while they stream by.
    pub(crate) fn feed(&mut self, part: &[u8]) {
        self.received += part.len() as u64;
        if let Some(search) = self.search() {
            search.feed(part);
        }
        self.keep(part);
    }

    fn keep(&mut self, part: &[u8]) {
        if let Some(material) = &mut self.material
            && self.unkept.is_ok()
        {
            self.unkept = material.keep(part);
        }
    }

    /// The reply, by what came; `value` is the result.
    pub(crate) fn reply(&mut self, value: Boxed<'_>) -> Result<Reply, CallError> {
        match value.token()? {
            Some(Token::Text(text)) => self.feed(text.as_bytes()),
            Some(Token::Bytes(bytes)) => self.feed(bytes),
            Some(Token::Int(int)) => self.keep(int.to_string().as_bytes()),
            // Its bytes have streamed by, or it has none that could be counted.
            _ => {}
        }
        let (verdict, carried, material) = (self.verdict(), self.carried(), self.material.take());
        Ok(Reply { verdict, carried, material, ..Reply::ok() })
    }

    fn verdict(&mut self) -> Result<(), CallError> {
        if let Some(size) = self.call().and_then(|(call, _)| call.size)
            && size != self.received
        {
            return Err(CallError::short(format!("the result has {} bytes where `size` says {size}", self.received)));
        }
        match self.search() {
            Some(search) if !search.found() => Err(CallError::corrupt("the result does not hold what `contains` says")),
            _ => self.unkept.clone(),
        }
    }

    fn carried(&self) -> (u64, u64) {
        (self.call().map_or(0, |(_, call)| call.len(self.asked)), self.received)
    }
}

/// The class of what was raised; its words may hold anything, arguments of the call too.
pub(crate) fn raised(raised: &[u8]) -> Result<CallError, CallError> {
    let told = describe(raised)?;
    Ok(CallError::status(told.split(": ").next().unwrap_or_default()))
}

fn put(value: &Argument, own: Own, fill: &Fill, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    match value {
        Argument::None => brine::put(out, Token::None),
        Argument::Flag(flag) => brine::put(out, Token::Bool(*flag)),
        Argument::Int(int) => brine::put(out, Token::Int(*int)),
        Argument::Float(float) => brine::put(out, Token::Float(*float)),
        Argument::Text(text) => {
            scratch.clear();
            text.put(own, scratch);
            // What was text stays it, whatever numbers stand in it.
            brine::put(out, Token::Text(std::str::from_utf8(scratch).unwrap_or_default()));
        }
        Argument::Bytes(len) => {
            brine::put_bytes_head(out, *len as u32);
            fill.copy(0, *len, out);
        }
        Argument::Tuple(items) => {
            brine::put(out, Token::Tuple(items.len() as u32));
            items.iter().for_each(|item| put(item, own, fill, scratch, out));
        }
    }
}
