//! What a request asks for.

pub(crate) const PING: i64 = 1;
pub(crate) const CLOSE: i64 = 2;
pub(crate) const GETROOT: i64 = 3;
pub(crate) const GETATTR: i64 = 4;
pub(crate) const DELATTR: i64 = 5;
pub(crate) const SETATTR: i64 = 6;
pub(crate) const CALL: i64 = 7;
pub(crate) const CALLATTR: i64 = 8;
pub(crate) const REPR: i64 = 9;
pub(crate) const STR: i64 = 10;
pub(crate) const CMP: i64 = 11;
pub(crate) const HASH: i64 = 12;
pub(crate) const DIR: i64 = 13;
pub(crate) const PICKLE: i64 = 14;
pub(crate) const DEL: i64 = 15;
pub(crate) const INSPECT: i64 = 16;
pub(crate) const BUFFITER: i64 = 17;
pub(crate) const OLDSLICING: i64 = 18;
pub(crate) const CTXEXIT: i64 = 19;
pub(crate) const INSTANCECHECK: i64 = 20;

/// Its name in rpyc, and the fewest and the most arguments that it takes; none where there is no such handler.
pub(crate) fn arguments(handler: i64) -> Option<(&'static str, u32, u32)> {
    Some(match handler {
        PING => ("_handle_ping", 1, 1),
        CLOSE => ("_handle_close", 0, 0),
        GETROOT => ("_handle_getroot", 0, 0),
        GETATTR => ("_handle_getattr", 2, 2),
        DELATTR => ("_handle_delattr", 2, 2),
        SETATTR => ("_handle_setattr", 3, 3),
        CALL => ("_handle_call", 2, 3),
        CALLATTR => ("_handle_callattr", 3, 4),
        REPR => ("_handle_repr", 1, 1),
        STR => ("_handle_str", 1, 1),
        CMP => ("_handle_cmp", 2, 3),
        HASH => ("_handle_hash", 1, 1),
        DIR => ("_handle_dir", 1, 1),
        PICKLE => ("_handle_pickle", 2, 2),
        DEL => ("_handle_del", 1, 2),
        INSPECT => ("_handle_inspect", 1, 1),
        BUFFITER => ("_handle_buffiter", 2, 2),
        OLDSLICING => ("_handle_oldslicing", 6, 6),
        CTXEXIT => ("_handle_ctxexit", 2, 2),
        INSTANCECHECK => ("_handle_instancecheck", 2, 2),
        _ => return None,
    })
}
