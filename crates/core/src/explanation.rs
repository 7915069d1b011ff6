//! What every error code means, where it comes from and what to do: the text of its page.

use crate::error::{ErrorKind, Explanation};

impl ErrorKind {
    /// For people who met this kind of error.
    pub fn explanation(self) -> Explanation {
        use ErrorKind::*;
        let (meaning, causes, remedy) = match self {
            InvalidConfig => (
                "The project's files, or a definition sent to the API, cannot be used.",
                "A key that does not exist, a value of the wrong kind, a name that is defined nowhere, or a sync that asks of its destination what that cannot do.",
                "Each problem names its file, line and column, and what would be right. Run syncline validate until it finds none.",
            ),
            BadUsage => (
                "The command line or request cannot be understood.",
                "An unknown option or parameter, a value out of its range, or a body that is not the JSON that is expected.",
                "The message names what is wrong; syncline help and the API's description list what there is.",
            ),
            NotFound => (
                "Something that was named does not exist.",
                "A misspelt id, a sync that was renamed or removed, or a run that is past its retention.",
                "List what there is (syncline status, syncline runs) and use an id from there.",
            ),
            Conflict => (
                "The state does not allow this now.",
                "Another run of the sync is active, the run has ended already, or somebody changed the object meanwhile.",
                "Look at the present state, wait for what is going on, and try again.",
            ),
            SyncHalted => (
                "The sync was stopped by its error threshold and waits for a person.",
                "Too many rows failed in one run, too many runs failed in a row, or a run stopped its server again and again.",
                "Look at the errors of the last run, try with a test or a one_time run, then activate the sync.",
            ),
            QueueFull => (
                "As many runs of this sync wait as may wait.",
                "Runs with different options are triggered faster than they can be carried out.",
                "Wait until some have run, or cancel those that are not needed. Equal requests join one run and do not fill the queue.",
            ),
            Unauthenticated => (
                "The request names no valid token.",
                "The token is missing, misspelt, expired or revoked, or the browser's session has ended.",
                "Send a valid token as Authorization: Bearer, or sign in again. syncline token create makes one.",
            ),
            Forbidden => (
                "The token's role does not allow this.",
                "Viewers look, operators run and decide, admins change definitions and tokens.",
                "Use a token with the role that the message names.",
            ),
            ReadOnly => (
                "It is defined in a file of the project, and is changed there.",
                "Connections, instances and syncs in files are read-only in the API, so that the files stay the truth.",
                "Change the file; the server reads it again by itself. Or remove it there and make it by the API.",
            ),
            IdempotencyConflict => (
                "The Idempotency-Key was used for another request, or its request is still being carried out.",
                "A client reuses keys, or repeats a request before the first was answered.",
                "Use a new key for each request; repeat the same request with the same key a moment later.",
            ),
            TooLarge => (
                "A request, reply, page or value is larger than its limit.",
                "A very long list of ids, or a body that is no ordinary request.",
                "Divide the request; the message names the limit.",
            ),
            SecretRequired => (
                "A secret of the connection has to be given.",
                "It was never set, or the host that it would be sent to has changed. A stored secret is never sent to a new address on its own.",
                "Send the secret together with the change.",
            ),
            AddressRefused => (
                "Requests may not be sent to this address.",
                "The URL leads to this machine, a private network, or the address of a cloud's metadata service, directly or through its DNS name.",
                "Use a public address, or allow private addresses for this purpose in the configuration.",
            ),
            SourceUnreachable => (
                "The source could not be reached, did not answer in time, or broke off.",
                "Network, firewall or host rules, a stopped service, or an overloaded one.",
                "Check the connection. The run is tried again by itself, five times over about half an hour and more; nothing was changed at the target.",
            ),
            SourceAuthFailed => (
                "The source refused our credentials.",
                "The password changed, the account is locked, or it may not read what the model names.",
                "Correct the credentials of the connection, check it, and run again.",
            ),
            ModelQueryFailed => (
                "The source answered, but the model cannot be read.",
                "An error in the SQL, a table or column that is gone, or a file that is damaged.",
                "The message has the source's own words and the line. Correct the model and preview it.",
            ),
            UnsupportedType => (
                "A column has a type that has no canonical form.",
                "An exotic or user-defined type in the model.",
                "Cast the column in the model, for example to text.",
            ),
            SchemaChanged => (
                "A mapped column was dropped or has another type than before.",
                "Somebody changed the source's tables or the model.",
                "Adjust the mapping, or set schema_change: adapt if every mapping still fits.",
            ),
            DuplicateKeys => (
                "Two rows have the same key or the same match value.",
                "The key is not unique in the model, often because of a join; or the target compares without case or padding.",
                "Make the key unique, or choose with duplicates: keep_first or keep_last.",
            ),
            DestinationUnreachable => (
                "The destination could not be reached, did not answer in time, or broke off.",
                "Network, firewall, a stopped or overloaded service.",
                "Check the connection and run again. What was acknowledged is known; the rest is sent by the next run.",
            ),
            DestinationAuthExpired => (
                "The destination refused our credentials, or they expired.",
                "A changed password, a revoked or expired token, or missing permissions.",
                "Renew the credentials of the connection, check it, and run again.",
            ),
            DestinationUnsuitable => (
                "The destination's object is missing or cannot take these rows.",
                "A table that was never made, a missing unique constraint on the match fields, a required field without mapping.",
                "Run syncline check for the sync: it names what is missing and can make the table.",
            ),
            DestinationFailed => (
                "The destination refused a whole batch for a reason that is not one row's fault.",
                "Disk full at the destination, a lock that was not released, an internal error there.",
                "Look at the destination's own log, then run again.",
            ),
            RateLimitExceeded => (
                "The service limited our requests for longer than we wait.",
                "Other programs use the same allowance, or it is too small for the amount of data.",
                "Run at another time, lower the concurrency of the connection, or raise the allowance.",
            ),
            InvalidExpression => (
                "A mapping or filter expression is wrong.",
                "An unknown column or function, or types that do not fit.",
                "The message names the place and often what was meant. syncline preview shows the effect on real rows.",
            ),
            OutOfMemory => (
                "The memory budget is not enough for this run.",
                "Very wide rows, a very small budget, or limited runs over a very large model.",
                "Raise settings.memory_budget, or run fewer syncs at once.",
            ),
            LocalIo => (
                "A file of this machine could not be read or written.",
                "Most often a full disk; else missing permissions.",
                "Free space or correct the permissions. Runs stop cleanly and go on when there is space.",
            ),
            Corrupt => (
                "A stored file or the state's database is damaged.",
                "A failing disk, or something other than Syncline wrote there.",
                "Restore the state from a backup. Without one, move it away and seed the syncs again.",
            ),
            StateLocked => (
                "Another process uses this state.",
                "A server or another command is running. An embedded state has one writer at a time.",
                "Let the command go through the server (--server), or wait until the other process has ended.",
            ),
            StateUnreachable => (
                "The server that keeps the state cannot be reached, or was lost.",
                "The database server is down or restarts, its address is wrong, or a firewall is in between.",
                "Check the server and the state's address. What was under way goes on once it is back.",
            ),
            StateTooNew => (
                "The state was written by a newer version.",
                "The program was downgraded, or an older copy was started.",
                "Run the newer version, or restore a backup from before the upgrade.",
            ),
            StalePlan => (
                "A plan no longer fits its sync.",
                "The sync's definition changed, it ran since, or the plan is older than plan_ttl.",
                "Plan again and review the new plan.",
            ),
            ErrorThreshold => (
                "More rows failed than the sync allows.",
                "A change at the source or at the target that many rows do not fit.",
                "Look at the errors by group, correct mapping or data, then activate the sync.",
            ),
            AllRowsFailed => (
                "Every row that was tried failed.",
                "A mapping that fits no row, a missing permission, or a constraint at the target that was added.",
                "Look at the errors of the run: they are usually all the same.",
            ),
            TargetChanged => (
                "The target is not the one that this sync delivered to.",
                "The table was dropped and made again or restored from a dump, or the connection now leads elsewhere.",
                "Check which it is. Approve the run to go on with the new target, or seed the sync afresh.",
            ),
            Fenced => (
                "Another process took this run over.",
                "The process stood still for longer than its lease, and another went on with its work.",
                "Nothing: the other process carries it to its end. If it happens often, look for pauses of the machine.",
            ),
            Interrupted => (
                "The process stopped in the middle of the run.",
                "A restart, a crash or a power cut.",
                "Nothing is lost: what was delivered is known, and the next run sends the rest.",
            ),
            Cancelled => (
                "A person cancelled the run.",
                "Somebody asked for it, here or by the API.",
                "Run it again when it is wanted; what was delivered stays delivered and is known.",
            ),
            Internal => (
                "A defect of Syncline.",
                "Something happened that should not be possible.",
                "Look at the server's log and report what it says. No row is lost by it.",
            ),
        };
        Explanation { meaning, causes, remedy }
    }
}
