//! A call that is handed from the runtime's thread to another one.

use tokio::sync::oneshot;

use crate::call::{Answer, Asked};
use crate::server::service::Service;
use crate::transport::contract::{Executor, Later};

/// A call, and where its answer is awaited.
#[derive(Debug)]
pub struct Errand {
    asked: Asked,
    answer: oneshot::Sender<Answer>,
}

impl Errand {
    /// Executes the call on the calling thread, and gives the answer back.
    pub fn run(self, service: &Service) {
        // Nobody waits for it any more where the client has gone.
        let _ = self.answer.send(service.execute_blocking(self.asked));
    }
}

/// Executes calls by handing each over; one whose errand is dropped fails.
pub struct Handing<F>(pub F);

impl<F: Fn(Errand)> Executor for Handing<F> {
    fn execute(&self, asked: Asked) -> Later<'static, Answer> {
        let (answer, awaited) = oneshot::channel();
        (self.0)(Errand { asked, answer });
        let lost = |_| Answer::Error { status: 503, message: "No thread could execute the call.".to_owned() };
        Box::pin(async move { awaited.await.unwrap_or_else(lost) })
    }
}
