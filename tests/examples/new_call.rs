//! A call as CONTRIBUTING adds one: the server sums i*i*i for i in 0..work.
//!
//! It is part of the unit tests alone, where it stands in the list of calls beside those of the reference service.

use std::hint::black_box;

use crate::call::ask::CallSpec;
use crate::call::computation::Computation;
use crate::call::service::contract::{KeyUse, Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The sum of i*i*i for i in 0..n.
pub(crate) static CUBES: Computation = Computation { name: "cubes", work: sum, result: sum_of_cubes };

/// The call `cubes`.
pub(crate) struct Cubes;

impl Entry for Cubes {
    fn name(&self) -> &'static str {
        "cubes"
    }
    fn about(&self) -> &'static str {
        "The server sums i*i*i for i in 0..work."
    }
}

impl ServiceCall for Cubes {
    fn keys(&self) -> &'static [KeyUse] {
        const { &[KeyUse::required("work", "work: 10000")] }
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let n = settings.work.ok_or(Missing { call: "cubes", setting: "work" })?;
        Ok(CallSpec::Compute { what: &CUBES, n })
    }

    fn computes(&self) -> Option<&'static Computation> {
        Some(&CUBES)
    }
}

/// Step by step.
fn sum(n: u64) -> u128 {
    (0..u128::from(n)).map(|i| black_box(i * i * i)).sum()
}

/// In closed form: the square of the sum of the numbers themselves.
fn sum_of_cubes(n: u64) -> u128 {
    let n = u128::from(n);
    let sum = n * n.saturating_sub(1) / 2;
    sum * sum
}

#[cfg(test)]
mod tests {
    use super::CUBES;
    use crate::call::{CallError, CallRequest, CallSpec, Fill};
    use crate::server::service::Service;
    use crate::transport::TRANSPORTS;
    use crate::transport::contract::{ClientContext, IoModel, ServerContext, Step, StreamProtocol};
    use crate::transport::held::Hold;
    use crate::transport::option::Options;
    use crate::transport::outbox::Outbox;

    /// What both ends of a protocol make of a call, in memory, when the service answers by `work`.
    fn exchange(protocol: &dyn StreamProtocol, ask: CallSpec, wrong: bool) -> Result<(), CallError> {
        let (fill, options) = (Fill::constant(0), Options::default());
        let context = ClientContext::of_service(fill, options.clone(), "localhost:1");
        let mut client = protocol.client(&context);
        let hold = Hold::new(1 << 20).expect("a page");
        let mut server = protocol.server(&ServerContext { options, body_limit: 1 << 20, hold });
        let service = Service::new("n".into(), None, None);
        let (mut up, mut down, mut asked) = (Outbox::new(), Outbox::new(), false);
        let mut opening = client.open(&mut up);
        for _ in 0..1000 {
            if !opening && !asked {
                client.call(0, &ask, true, &mut up);
                asked = true;
            }
            client.fill_output(&mut up);
            let (bytes, mut closed) = (up.drain(), false);
            let mut input = bytes.as_slice();
            while !closed {
                match server.receive(&mut input, &mut down)? {
                    Step::Read => break,
                    Step::Write => {}
                    Step::Close => closed = true,
                    Step::Execute { call, asked } => {
                        let asked = match asked {
                            CallRequest::Compute { what, n } if wrong => CallRequest::Compute { what, n: n + 1 },
                            asked => asked,
                        };
                        server.answer(call, service.execute(asked).answer, &mut down);
                    }
                }
            }
            server.fill_output(&mut down);
            let bytes = down.drain();
            let mut input = bytes.as_slice();
            while let Some(reply) = client.receive(&mut input, &mut up)? {
                if asked {
                    return reply.verdict;
                }
                opening = client.open(&mut up);
            }
        }
        panic!("no reply came")
    }

    #[test]
    fn every_protocol_on_a_stream_carries_a_new_call() {
        let mut carried = 0;
        for transport in TRANSPORTS {
            let IoModel::Stream(protocol) = transport.io_model() else { continue };
            let ask = CallSpec::Compute { what: &CUBES, n: 1000 };
            assert_eq!(exchange(protocol, ask, false), Ok(()), "{}", transport.name());
            let wrong = exchange(protocol, ask, true).expect_err("the sum of another number");
            assert_eq!(wrong.class, crate::call::ErrorClass::Corrupt, "{}", transport.name());
            carried += 1;
        }
        assert!(carried >= 6, "tcp, unix, http1, http2, grpc and rpyc at least");
    }
}
