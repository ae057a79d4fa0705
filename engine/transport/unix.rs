//! The frames of `tcp` over an abstract Unix socket: what is left when the network's own work is gone.

use crate::call::own::Protocol;
use crate::registry::Entry;
use crate::transport::contract::{Facts, Family, IoModel, Transport};
use crate::transport::option::Options;
use crate::transport::tcp::{Frames, frame_facts, frame_terms};
use crate::transport::terms::Terms;

/// The transport `unix`.
pub struct Unix;

impl Entry for Unix {
    fn name(&self) -> &'static str {
        "unix"
    }
    fn about(&self) -> &'static str {
        "the frames of tcp over an abstract Unix socket, without a network stack"
    }
}

impl Transport for Unix {
    fn family(&self) -> Family {
        Family::Unix
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Frames)
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Send)
    }

    fn terms(&self, options: &Options) -> Terms {
        Terms { congestion: None, ..frame_terms(options) }
    }

    fn facts(&self, _: &Options) -> Facts {
        frame_facts()
    }
}
