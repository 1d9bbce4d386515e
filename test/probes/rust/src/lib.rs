// A filter in the Rust SDK that does what the request's `x-do` header says, for the test that runs
// one module in process and in stock Envoy. Its configuration is a JSON string, `"MARK,LIMIT"`.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType, Status};
use std::time::Duration;

const CLUSTER: &str = "upstream";
const VISITS: &str = "visits";

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

fn say(text: &str) {
    hostcalls::log(LogLevel::Warn, &format!("rust> {text}")).unwrap();
}

#[derive(Clone, Default)]
struct Config {
    mark: String,
    limit: u64,
    requests: u32,
    open: u32,
    sizes: u32,
}

#[derive(Default)]
struct Root {
    config: Config,
    ticks: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).trim_matches('"').to_string();
        let parts: Vec<&str> = text.split(',').collect();
        let (mark, limit) = match (parts.first(), parts.get(1).map(|part| part.parse())) {
            (Some(mark), Some(Ok(limit))) => (mark, limit),
            _ => {
                say(&format!("refused: {text}"));
                return false;
            }
        };
        self.config = Config {
            mark: mark.to_string(),
            limit,
            requests: hostcalls::define_metric(MetricType::Counter, "rust.requests").unwrap(),
            open: hostcalls::define_metric(MetricType::Gauge, "rust.open").unwrap(),
            sizes: hostcalls::define_metric(MetricType::Histogram, "rust.sizes").unwrap(),
        };
        say(&format!("configured: {mark} {limit}"));
        true
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        say(&format!("tick {}", self.ticks));
        if self.ticks == 3 {
            self.ticks = 0;
            self.set_tick_period(Duration::ZERO);
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { config: self.config.clone(), command: String::new(), body: 0 }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    config: Config,
    command: String,
    body: usize,
}

impl Stream {
    fn headers(&self) {
        for (name, value) in self.get_http_request_headers_bytes() {
            if name.starts_with("x-in-") {
                say(&format!("{name}: {}", String::from_utf8_lossy(&value)));
            }
        }
        self.set_http_request_header("x-in-set", Some("set"));
        self.set_http_request_header("x-in-gone", None);
        self.add_http_request_header("x-in-twice", "c");
        self.set_http_request_header(":path", Some("/rewritten?by=rust"));
        say(&format!("{:?} {:?}", self.get_http_request_header("x-in-none"), self.get_http_request_header("x-in-twice")));
    }

    /** Counts in data that all workers share, and retries when another worker came in between. */
    fn visit(&self) -> u64 {
        loop {
            let (bytes, cas) = self.get_shared_data(VISITS);
            let count = bytes.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap())) + 1;
            match self.set_shared_data(VISITS, Some(&count.to_le_bytes()), cas) {
                Ok(()) => return count,
                Err(status) => say(&format!("again: {status:?}")),
            }
        }
    }

    fn call(&self, cluster: &str) -> Action {
        let headers = vec![(":method", "POST"), (":path", "/called"), (":authority", "rust.test"), ("x-in-call", "1")];
        match self.dispatch_http_call(cluster, headers, Some(b"asked"), vec![], Duration::from_secs(2)) {
            Ok(_) => Action::Pause,
            Err(status) => {
                say(&format!("no call: {status:?}"));
                Action::Continue
            }
        }
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body: usize, trailers: usize) {
        let status = self.get_http_call_response_header(":status");
        let text = self.get_http_call_response_body(0, body).unwrap_or_default();
        say(&format!("called: {} {status:?} {} {trailers}", headers > 0, String::from_utf8_lossy(&text)));
        self.set_http_request_header("x-in-called", status.as_deref());
        self.resume_http_request();
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        hostcalls::increment_metric(self.config.requests, 1).unwrap();
        hostcalls::increment_metric(self.config.open, 1).unwrap();
        self.command = self.get_http_request_header("x-do").unwrap_or_default();
        say(&format!("{} end {end_of_stream}", self.command));
        match self.command.as_str() {
            "headers" => self.headers(),
            "body" => self.set_http_request_header("content-length", None),
            "shared" => {
                let count = self.visit();
                self.set_http_request_header("x-in-visits", Some(&count.to_string()));
                if count > self.config.limit {
                    self.send_http_response(429, vec![("x-out-limit", &self.config.limit.to_string())], Some(b"too many visits"));
                    return Action::Pause;
                }
            }
            "property" => {
                let path = self.get_property(vec!["request", "path"]).unwrap_or_default();
                say(&format!("{} {:?}", String::from_utf8_lossy(&path), self.get_property(vec!["no", "such"])));
            }
            "call" => return self.call(CLUSTER),
            "call-nobody" => return self.call("nobody"),
            "reply" => {
                self.send_http_response(403, vec![("x-out-why", "rust"), ("x-out-why", "twice")], Some(b"refused by rust"));
                return Action::Pause;
            }
            "tick" => hostcalls::set_tick_period(Duration::from_millis(20)).unwrap(),
            "increment" => {
                let refused = hostcalls::increment_metric(self.config.requests + 4000, 1);
                say(&format!("{refused:?} {:?}", refused == Err(Status::NotFound)));
            }
            "panic" => panic!("asked to"),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.command != "body" {
            return Action::Continue;
        }
        self.body = size;
        if !end_of_stream {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        hostcalls::record_metric(self.config.sizes, body.len() as u64).unwrap();
        self.set_http_request_body(0, size, &body.to_ascii_uppercase());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.add_http_response_header("x-out-mark", &self.config.mark);
        self.set_http_response_header("content-length", None);
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.set_http_response_body(size, 0, b" and rust");
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        hostcalls::increment_metric(self.config.open, -1).unwrap();
        say(&format!("log {:?} body {}", self.get_http_response_header(":status"), self.body));
    }
}
