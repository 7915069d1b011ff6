//! The standard variables of the environment that say where traces go.

use std::time::Duration;

use syncline_core::{Error, ErrorKind, Result};
use syncline_http::{HeaderName, Url};

/// How long one request to the collector may take, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The samplers there are.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Where traces go. Headers, compression, sampler and the resource are read by the libraries.
#[derive(Debug)]
pub struct Settings {
    pub endpoint: Url,
    pub timeout: Duration,
    /// Certificates of further authorities, as PEM.
    pub roots_pem: Option<Vec<u8>>,
}

impl Settings {
    /// `None` unless an endpoint is named and nothing turns traces off.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let variables = Variables(variable);
        if variables.one("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let Some((name, endpoint)) = variables.of_traces("ENDPOINT") else { return Ok(None) };
        match variables.one("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(_) => return Err(wrong("OTEL_TRACES_EXPORTER", "can be otlp or none")),
        }
        if let Some((name, protocol)) = variables.of_traces("PROTOCOL")
            && protocol != "http/protobuf"
        {
            let error = wrong(&name, "can be http/protobuf only");
            return Err(error.help("name the collector's port for HTTP, which is often 4318"));
        }
        variables.check_sampler()?;
        variables.check_headers()?;
        Ok(Some(Self {
            endpoint: endpoint_of(&name, &endpoint)?,
            timeout: variables.timeout()?,
            roots_pem: variables.roots()?,
        }))
    }
}

fn wrong(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{name} {why}"))
}

/// The values of variables are never quoted: an endpoint may hold a password.
fn endpoint_of(name: &str, text: &str) -> Result<Url> {
    let is_of_traces = name.contains("TRACES");
    let text =
        if is_of_traces { text.to_string() } else { format!("{}/v1/traces", text.trim_end_matches('/')) };
    Url::parse(&text)
        .ok()
        .filter(Url::has_host)
        .ok_or_else(|| wrong(name, "is not an address").help("give it like http://collector.example:4318"))
}

struct Variables<F>(F);

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    /// An empty variable counts as none.
    fn one(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
    }

    /// The variable for traces or, without one, that for everything; with its name.
    fn of_traces(&self, what: &str) -> Option<(String, String)> {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find_map(|name| self.one(&name).map(|value| (name, value)))
    }

    fn timeout(&self) -> Result<Duration> {
        let Some((name, text)) = self.of_traces("TIMEOUT") else { return Ok(TIMEOUT) };
        match text.parse() {
            Ok(0) | Err(_) => Err(wrong(&name, "is not a number of milliseconds")),
            Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        }
    }

    fn roots(&self) -> Result<Option<Vec<u8>>> {
        let Some((name, path)) = self.of_traces("CERTIFICATE") else { return Ok(None) };
        let read = std::fs::read(path);
        read.map(Some).map_err(|e| wrong(&name, "names a file that cannot be read").caused_by(e))
    }

    /// What is no header would be left out without a word.
    fn check_headers(&self) -> Result<()> {
        let Some((name, headers)) = self.of_traces("HEADERS") else { return Ok(()) };
        let is_header = |pair: &str| {
            pair.split_once('=').is_some_and(|(header, _)| HeaderName::try_from(header.trim()).is_ok())
        };
        match headers.split_terminator(',').all(is_header) {
            true => Ok(()),
            false => Err(wrong(&name, "is not a list of headers").help("give it like name=value,name=value")),
        }
    }

    fn check_sampler(&self) -> Result<()> {
        let Some(sampler) = self.one("OTEL_TRACES_SAMPLER") else { return Ok(()) };
        if !SAMPLERS.contains(&sampler.as_str()) {
            return Err(wrong("OTEL_TRACES_SAMPLER", &format!("can be {}", SAMPLERS.join(", "))));
        }
        let ratio = || self.one("OTEL_TRACES_SAMPLER_ARG")?.parse::<f64>().ok();
        match sampler.ends_with("traceidratio") && !ratio().is_some_and(|ratio| (0.0..=1.0).contains(&ratio))
        {
            true => Err(wrong("OTEL_TRACES_SAMPLER_ARG", "is not a number from 0 to 1")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::chain;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>> {
        Settings::read(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    const ANY: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318/");

    #[test]
    fn nothing_is_sent_unless_an_endpoint_is_named() {
        let off: [&[(&str, &str)]; 5] = [
            &[],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_SERVICE_NAME", "x"), ("OTEL_TRACES_EXPORTER", "otlp")],
            &[ANY, ("OTEL_SDK_DISABLED", "True")],
            &[ANY, ("OTEL_TRACES_EXPORTER", "none")],
        ];
        for variables in off {
            assert!(read(variables).unwrap().is_none(), "{variables:?}");
        }
    }

    #[test]
    fn the_variable_for_traces_is_taken_as_it_is() {
        let settings = read(&[ANY]).unwrap().unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://collector.example:4318/v1/traces");
        assert_eq!(settings.timeout, TIMEOUT);
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector.example/in?x=1");
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", " authorization = Basic%20eA==, x-tenant=7,");
        let more = [ANY, traces, headers, ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"), ("OTEL_SDK_DISABLED", "no")];
        let settings = read(&more).unwrap().unwrap();
        assert_eq!(settings.endpoint.as_str(), traces.1);
        assert_eq!(settings.timeout, Duration::from_millis(250));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_variable_and_without_its_value() {
        let wrong = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "user:CANARY@nowhere"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "CANARY"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/CANARY/none.pem"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,Authorization: Bearer CANARY"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "my key=CANARY"),
            ("OTEL_TRACES_EXPORTER", "console"),
            ("OTEL_TRACES_SAMPLER", "xray"),
        ];
        for pair in wrong {
            let error = read(&[ANY, pair]).unwrap_err();
            let told = chain(&error);
            assert!(told.contains(pair.0) && !told.contains("CANARY"), "{told}");
        }
        let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
        for ratio in ["", "1.5", "half"] {
            let error = read(&[ANY, sampler, ("OTEL_TRACES_SAMPLER_ARG", ratio)]).unwrap_err();
            assert!(error.message.contains("OTEL_TRACES_SAMPLER_ARG"), "{error}");
        }
        assert!(read(&[ANY, sampler, ("OTEL_TRACES_SAMPLER_ARG", "0.25")]).unwrap().is_some());
    }
}
