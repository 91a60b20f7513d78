//! MLflow's tracking server, by its REST interface.

mod http;

use serde_json::{Value, json};

use http::{Server, escaped};

use super::monitor::remembered;
use super::seconds_since_1970;
use crate::{Callback, CallbackState, Control, Logs, Result};

/// Words that the state of a training has for the run's number.
const PARTS: [&str; 4] = ["run_id_0", "run_id_1", "run_id_2", "run_id_3"];

/// Sends the figures of every epoch to an MLflow tracking server: `mlflow server --port 5000`.
///
/// The run appears when the first epoch ends, with the [params](Self::param); a training that goes on in another
/// process goes on in the same run. What the server did not take, because it was away for a while, is sent with the next
/// epoch. Only `http://` is spoken, without passwords, so the server is best on this machine.
///
/// ```
/// use labbook_nn::{Fit, MlFlow};
///
/// let tracker = MlFlow::new("http://127.0.0.1:5000").experiment("digits").run_name("wide").param("units", 256);
/// let options = Fit::new().callbacks(tracker);
/// ```
#[derive(Debug)]
pub struct MlFlow {
    address: String,
    experiment: String,
    run_name: Option<String>,
    params: Vec<(String, Value)>,
    run_id: Option<String>,
    /// Figures that the server has not taken yet.
    unsent: Vec<Value>,
}

impl MlFlow {
    /// Sends to the server at this address.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            experiment: "Default".to_owned(),
            run_name: None,
            params: Vec::new(),
            run_id: None,
            unsent: Vec::new(),
        }
    }

    /// Sets the experiment that the run belongs to, which is made if it is not there; the default is MLflow's,
    /// `Default`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.experiment = name.into();
        self
    }

    /// Names the run; MLflow finds a name of its own otherwise.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.run_name = Some(name.into());
        self
    }

    /// Tells a setting of the run: a number, a word, true or false.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// Calls a function of the server's interface.
    fn call(&self, function: &str, body: Option<&Value>) -> Result<Value, String> {
        let server = Server::parse(&self.address)?;
        let answer = server.ask(&format!("/api/2.0/mlflow/{function}"), body)?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => {
                let message = answer.body["message"].as_str().unwrap_or("no reason given");
                Err(format!(
                    "{function}: expected a server of MLflow that accepts it, received {status}: {message}"
                ))
            }
        }
    }

    /// The experiment's number.
    fn experiment_id(&self) -> Result<Value, String> {
        let function = format!(
            "experiments/get-by-name?experiment_name={}",
            escaped(&self.experiment)
        );
        if let Ok(found) = self.call(&function, None) {
            return Ok(found["experiment"]["experiment_id"].clone());
        }
        let made = self.call(
            "experiments/create",
            Some(&json!({ "name": self.experiment })),
        )?;
        Ok(made["experiment_id"].clone())
    }

    /// Makes the run.
    fn begin(&self) -> Result<String, String> {
        let mut run =
            json!({ "experiment_id": self.experiment_id()?, "start_time": milliseconds() });
        if let Some(name) = &self.run_name {
            run["run_name"] = json!(name);
        }
        let made = self.call("runs/create", Some(&run))?;
        let id = made["run"]["info"]["run_id"].as_str();
        let id =
            id.ok_or("runs/create: expected the number of a run, received none; is this MLflow?")?;
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let params = self.params.iter();
        let params: Vec<Value> = params
            .map(|(key, value)| json!({ "key": key, "value": text(value) }))
            .collect();
        self.call(
            "runs/log-batch",
            Some(&json!({ "run_id": id, "params": params })),
        )?;
        Ok(id.to_owned())
    }

    /// Sends what is not sent yet.
    fn send(&mut self) -> Result<(), String> {
        if self.run_id.is_none() {
            self.run_id = Some(self.begin()?);
        }
        let batch = json!({ "run_id": self.run_id, "metrics": self.unsent });
        self.call("runs/log-batch", Some(&batch))?;
        self.unsent.clear();
        Ok(())
    }

    fn add(&mut self, epoch: usize, logs: &Logs, rate: f64) {
        let figures = logs
            .entries()
            .iter()
            .map(|(key, value)| (key.as_str(), *value));
        let timestamp = milliseconds();
        for (key, value) in figures.chain([("learning_rate", rate)]) {
            let value = match value.is_finite() {
                true => json!(value),
                // As protobuf has them in JSON.
                false if value.is_nan() => json!("NaN"),
                false if value > 0.0 => json!("Infinity"),
                false => json!("-Infinity"),
            };
            self.unsent
                .push(json!({ "key": key, "value": value, "timestamp": timestamp, "step": epoch }));
        }
    }
}

fn milliseconds() -> u64 {
    (1000.0 * seconds_since_1970()) as u64
}

impl Callback for MlFlow {
    fn on_train_begin(&mut self, _control: &mut Control<'_>) {
        self.run_id = None;
        self.unsent.clear();
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        let first = self.run_id.is_none();
        let rate = control.model().learning_rate().unwrap_or(f64::NAN);
        self.add(epoch, logs, rate);
        match self.send() {
            Ok(()) => {}
            // A server that was never there is a mistake; one that went away shall not end the training.
            Err(error) if first => control.fail(format!("MlFlow: {error}")),
            Err(error) => control.message(&format!("MlFlow: {error} (kept for the next epoch)")),
        }
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        if self.run_id.is_none() {
            return;
        }
        let body =
            json!({ "run_id": self.run_id, "status": "FINISHED", "end_time": milliseconds() });
        let sent = match self.unsent.is_empty() {
            true => Ok(()),
            false => self.send(),
        };
        let ended = sent.and_then(|()| self.call("runs/update", Some(&body)));
        if let Err(error) = ended {
            control.message(&format!(
                "MlFlow: {error}; {} figures were not sent",
                self.unsent.len()
            ));
        }
    }

    /// The run's number, 32 hexadecimal digits, in four parts that numbers hold.
    fn state(&self) -> Result<CallbackState> {
        let id = self
            .run_id
            .as_deref()
            .and_then(|id| u128::from_str_radix(id, 16).ok());
        let values = PARTS.iter().enumerate().filter_map(|(part, name)| {
            let part = (id? >> (32 * part)) & u128::from(u32::MAX);
            Some(((*name).to_owned(), part as f64))
        });
        Ok(CallbackState {
            values: values.collect(),
            tensors: Vec::new(),
        })
    }

    fn set_state(&mut self, state: &CallbackState) -> Result<()> {
        if state.values.is_empty() {
            return Ok(());
        }
        let mut id = 0_u128;
        for (part, name) in PARTS.iter().enumerate() {
            id |= (remembered(&state.values, name)? as u128) << (32 * part);
        }
        self.run_id = Some(format!("{id:032x}"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    use super::super::rehearsal::{model, rehearse};
    use super::*;

    const ID: &str = "0123456789abcdef00000000ffffffff";

    /// A server that answers as MLflow does, and what it was asked.
    fn server(refused: usize) -> (String, Receiver<(String, Value)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, requests) = channel();
        thread::spawn(move || {
            let mut metrics = 0;
            for stream in listener.incoming().flatten() {
                let (path, body) = request(&stream);
                metrics += usize::from(body["metrics"].is_array());
                let (status, answer) = match path.rsplit('/').next().unwrap_or_default() {
                    "create" if path.contains("/runs/") => {
                        (200, json!({ "run": { "info": { "run_id": ID } } }))
                    }
                    "create" => (200, json!({ "experiment_id": "7" })),
                    name if name.starts_with("get-by-name") => {
                        (404, json!({ "message": "not there" }))
                    }
                    "log-batch" if body["metrics"].is_array() && metrics == refused => {
                        (503, json!({ "message": "busy" }))
                    }
                    _ => (200, json!({})),
                };
                let mut stream = &stream;
                let _ = write!(stream, "HTTP/1.0 {status} X\r\n\r\n{answer}");
                if asked.send((path, body)).is_err() {
                    break;
                }
            }
        });
        (address, requests)
    }

    fn request(stream: &TcpStream) -> (String, Value) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let path = line
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            if let Some(value) = header.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
            if header.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (path, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    #[test]
    fn a_run_is_made_filled_and_ended_and_what_was_refused_is_sent_again() -> Result<()> {
        let (address, requests) = server(2);
        let mut tracker = MlFlow::new(address)
            .experiment("a b")
            .run_name("wide")
            .param("units", 8);
        let outcome = rehearse(&mut tracker, &mut model()?, "loss", &[0.5, f64::NAN, 0.125])?;
        assert_eq!(outcome.failure, None);
        assert!(
            outcome.messages[0].contains("503: busy"),
            "{:?}",
            outcome.messages
        );
        let asked: Vec<(String, Value)> = requests.try_iter().collect();
        let names: Vec<&str> = asked
            .iter()
            .map(|(path, _)| path.trim_start_matches("/api/2.0/mlflow/"))
            .collect();
        let batch = "runs/log-batch";
        let expected = [
            "experiments/get-by-name?experiment_name=a%20b",
            "experiments/create",
            "runs/create",
            batch,
            batch,
            batch,
            batch,
            "runs/update",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            (&asked[2].1["experiment_id"], &asked[2].1["run_name"]),
            (&json!("7"), &json!("wide"))
        );
        assert_eq!(
            asked[3].1["params"],
            json!([{ "key": "units", "value": "8" }])
        );
        // The second epoch's figures come with the third's.
        let metrics = asked[6].1["metrics"].as_array().unwrap();
        let told: Vec<_> = metrics
            .iter()
            .map(|metric| (metric["step"].as_u64(), metric["value"].clone()))
            .collect();
        assert_eq!(told[0], (Some(1), json!("NaN")));
        assert_eq!(told[2], (Some(2), json!(0.125)));
        assert_eq!(
            (&asked[7].1["run_id"], &asked[7].1["status"]),
            (&json!(ID), &json!("FINISHED"))
        );
        // Another process goes on with the same run.
        let mut later = MlFlow::new("http://127.0.0.1:1");
        later.set_state(&tracker.state()?)?;
        assert_eq!(later.run_id.as_deref(), Some(ID));
        Ok(())
    }

    #[test]
    fn a_server_that_was_never_there_ends_the_training() -> Result<()> {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut tracker = MlFlow::new(format!("http://{free}"));
        let outcome = rehearse(&mut tracker, &mut model()?, "loss", &[1.0])?;
        assert!(outcome.failure.unwrap().contains("is the server running?"));
        let outcome = rehearse(&mut MlFlow::new("https://x"), &mut model()?, "loss", &[1.0])?;
        assert!(
            outcome
                .failure
                .unwrap()
                .contains("expected one such as http://127.0.0.1:5000")
        );
        Ok(())
    }
}
