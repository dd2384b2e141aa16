//! A host that has let us in, and what happens there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use russh::{
    Channel, ChannelMsg, ChannelOpenFailure, Disconnect,
    client::{ChannelOpenHandle, DisconnectReason, Handle, Handler, Msg, Session as Wire},
    keys::PublicKeyOrCertificate,
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout},
};

use crate::{DialError, Remote, Stream, banner::Said, host_key::HostKey, stream::ALL_WAITING_MAX};

/// Connections that are open at a time; more are refused, and their senders try again.
const OPEN_MAX: usize = 512;

/// Pause between two measurements of the way there and back.
const MEASURED: Duration = Duration::from_secs(10);

/// How long a host may take to say that it listens.
const ASKED: Duration = Duration::from_secs(15);

/// How long a host has to print a public URL.
const PRINTED: Duration = Duration::from_secs(10);

/// Something that happens at a host.
pub enum Event {
    /// Somebody has connected. The address is what the host says of them.
    Connection(Stream, SocketAddr),
    /// The host has printed its public URL.
    Url(String),
    /// It prints none.
    NoUrl,
    /// The time to the host and back.
    RoundTrip(Duration),
    /// The session has ended.
    Ended(DialError),
}

/// What the other end tells us.
pub(crate) struct Client {
    host_key: HostKey,
    /// The fingerprint of the host's key, once it was believed.
    shown: Arc<Mutex<String>>,
    said: Arc<Mutex<Said>>,
    events: mpsc::UnboundedSender<Event>,
    open: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// What a session hears and knows.
pub(crate) struct Heard {
    events: mpsc::UnboundedReceiver<Event>,
    sender: mpsc::WeakUnboundedSender<Event>,
    shown: Arc<Mutex<String>>,
    said: Arc<Mutex<Said>>,
}

impl Client {
    pub(crate) fn new(host_key: HostKey) -> (Self, Heard) {
        let (sender, events) = mpsc::unbounded_channel();
        let (shown, said) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let heard = Heard { events, sender: sender.downgrade(), shown: shown.clone(), said: said.clone() };
        let (open, room) = (Arc::new(Semaphore::new(OPEN_MAX)), Arc::new(Semaphore::new(ALL_WAITING_MAX)));
        (Self { host_key, shown, said, events: sender, open, room }, heard)
    }
}

impl Handler for Client {
    type Error = DialError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, DialError> {
        let fingerprint = self.host_key.check(shown)?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = fingerprint;
        Ok(true)
    }

    async fn auth_banner(&mut self, banner: &str, _session: &mut Wire) -> Result<(), DialError> {
        let found = self.said.lock().unwrap_or_else(PoisonError::into_inner).take(format!("{banner}\n").as_bytes());
        if let Some(url) = found {
            let _ = self.events.send(Event::Url(url));
        }
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _address: &str,
        _port: u32,
        originator: &str,
        originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        match self.open.clone().try_acquire_owned() {
            Ok(open) => {
                let address = originator.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
                let from = SocketAddr::new(address, originator_port.try_into().unwrap_or_default());
                reply.accept().await;
                // Where nobody listens any more, it closes by being dropped.
                let _ = self.events.send(Event::Connection(Stream::new(channel, open, self.room.clone()), from));
            }
            Err(_) => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
        Ok(())
    }

    // A host has no other business here: what is not accepted is refused.

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host: &str,
        _port: u32,
        _originator: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator: &str,
        _port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Wire,
    ) -> Result<(), DialError> {
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<DialError>) -> Result<(), DialError> {
        let why = match reason {
            DisconnectReason::ReceivedDisconnect(said) if !said.message.is_empty() => {
                DialError::Lost(format!("The host has ended the connection: {}.", said.message.trim_end_matches('.')))
            }
            DisconnectReason::ReceivedDisconnect(_) => DialError::lost(russh::Error::Disconnect),
            DisconnectReason::Error(error) => error,
        };
        let _ = self.events.send(Event::Ended(why.clone()));
        Err(why)
    }
}

/// A session with a host. What is dropped is ended.
pub struct Session {
    handle: Arc<Handle<Client>>,
    heard: Heard,
}

impl Session {
    pub(crate) fn new(handle: Handle<Client>, heard: Heard) -> Self {
        Self { handle: Arc::new(handle), heard }
    }

    /// The fingerprint of the host's key, as `ssh-keygen -l` shows it.
    pub fn host_key(&self) -> String {
        self.heard.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the host listen, and returns on which port. With `prints` it is given a shell to print its
    /// public URL in, as services do.
    pub async fn forward(&self, remote: &Remote, prints: bool) -> Result<u16, DialError> {
        let asking = self.handle.tcpip_forward(remote.address.clone(), remote.port.into());
        let chosen = match timeout(ASKED, asking).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(russh::Error::RequestDenied)) => {
                return Err(DialError::NotForwarded { remote: remote.to_string() });
            }
            Ok(Err(error)) => return Err(DialError::lost(error)),
            Err(_) => return Err(DialError::lost(russh::Error::KeepaliveTimeout)),
        };
        if prints {
            tokio::spawn(listen(self.handle.clone(), self.heard.said.clone(), self.heard.sender.clone()));
        }
        tokio::spawn(measure(Arc::downgrade(&self.handle), self.heard.sender.clone()));
        Ok(if remote.port == 0 { chosen.try_into().unwrap_or_default() } else { remote.port })
    }

    /// Waits for what happens next.
    pub async fn next(&mut self) -> Event {
        let ended = || Event::Ended(DialError::lost(russh::Error::Disconnect));
        self.heard.events.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        // Without a runtime there is no session any more either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { handle.disconnect(Disconnect::ByApplication, "", "en").await });
        }
    }
}

/// Reads what a host prints. A shell that prints no public URL is of no use, and closed.
async fn listen(handle: Arc<Handle<Client>>, said: Arc<Mutex<Said>>, events: mpsc::WeakUnboundedSender<Event>) {
    let said = || said.lock().unwrap_or_else(PoisonError::into_inner);
    let tell = |event| {
        if let Some(events) = events.upgrade() {
            let _ = events.send(event);
        }
    };
    let shell = async {
        let shell = handle.channel_open_session().await?;
        shell.request_shell(false).await?;
        Ok::<_, russh::Error>(shell)
    };
    let Ok(mut shell) = shell.await else {
        if !said().has_url() {
            tell(Event::NoUrl);
        }
        return;
    };
    // A session ends when nobody holds it.
    drop(handle);
    let until = Instant::now() + PRINTED;
    loop {
        let known = said().has_url();
        let message = if known {
            shell.wait().await
        } else {
            match tokio::time::timeout_at(until, shell.wait()).await {
                Ok(message) => message,
                Err(_) => break,
            }
        };
        match message {
            Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                let found = said().take(&data);
                if let Some(url) = found {
                    tell(Event::Url(url));
                }
            }
            None => break,
            Some(_) => {}
        }
    }
    if !said().has_url() {
        tell(Event::NoUrl);
        // It closes anyway when the session ends.
        let _ = shell.close().await;
    }
}

/// Measures the way there and back as long as the session is there.
async fn measure(handle: std::sync::Weak<Handle<Client>>, events: mpsc::WeakUnboundedSender<Event>) {
    loop {
        let Some(handle) = handle.upgrade() else { return };
        let began = Instant::now();
        if handle.is_closed() || handle.send_ping().await.is_err() {
            return;
        }
        drop(handle);
        let Some(events) = events.upgrade() else { return };
        let _ = events.send(Event::RoundTrip(began.elapsed()));
        drop(events);
        tokio::time::sleep(MEASURED).await;
    }
}
