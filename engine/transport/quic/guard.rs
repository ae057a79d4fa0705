//! A stream that is given up when it is dropped before it is over.

/// A stream that can be given up.
pub(crate) trait Cancel {
    /// Tells the peer that nothing more is sent, or wanted.
    fn cancel(&mut self);
}

/// Both directions of the stream of one call; given up when it is dropped before it is over.
pub(crate) struct Guarded<S: Cancel> {
    /// The stream.
    pub(crate) stream: S,
    over: bool,
}

impl<S: Cancel> Guarded<S> {
    /// Guards a fresh stream.
    pub(crate) fn new(stream: S) -> Self {
        Guarded { stream, over: false }
    }

    /// All has been sent and received.
    pub(crate) fn end(mut self) {
        self.over = true;
    }
}

impl<S: Cancel> Drop for Guarded<S> {
    fn drop(&mut self) {
        if !self.over {
            self.stream.cancel();
        }
    }
}
