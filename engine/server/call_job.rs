//! A call that is handed from the runtime's thread to another one.

use tokio::sync::oneshot;

use crate::call::{CallRequest, CallResponse};
use crate::server::service::Service;
use crate::transport::contract::{Executor, LocalBoxFuture};

/// A call, and where its answer is awaited.
#[derive(Debug)]
pub struct CallJob {
    asked: CallRequest,
    answer: oneshot::Sender<CallResponse>,
}

impl CallJob {
    /// Executes the call on the calling thread, and gives the answer back.
    pub fn run(self, service: &Service) {
        // Nobody waits for it any more where the client has gone.
        let _ = self.answer.send(service.execute_blocking(self.asked));
    }
}

/// Executes calls by handing each over; one whose job is dropped fails.
pub struct ChannelExecutor<F>(pub F);

impl<F: Fn(CallJob)> Executor for ChannelExecutor<F> {
    fn execute(&self, asked: CallRequest) -> LocalBoxFuture<'static, CallResponse> {
        let (answer, awaited) = oneshot::channel();
        (self.0)(CallJob { asked, answer });
        let lost = |_| CallResponse::Error { status: 503, message: "No thread could execute the call.".to_owned() };
        Box::pin(async move { awaited.await.unwrap_or_else(lost) })
    }
}
