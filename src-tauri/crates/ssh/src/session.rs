//! A logged-in SSH session and its events.

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

use crate::{DialError, Remote, Stream, banner::Banner, host_key::HostKey, stream::ALL_WAITING_MAX};

/// Maximum number of open connections. More are rejected, and their senders retry.
const OPEN_MAX: usize = 512;

/// Interval between two measurements of the round-trip time.
const MEASURED: Duration = Duration::from_secs(10);

/// Timeout of the request to listen on a remote port.
const ASKED: Duration = Duration::from_secs(15);

/// Maximum time until a host prints a public URL.
const PRINTED: Duration = Duration::from_secs(10);

/// An event of a session.
pub enum Event {
    /// A connection arrived at the remote port. Contains the address of the sender as reported by the host.
    Connection(Stream, SocketAddr),
    /// The host has printed its public URL.
    Url(String),
    /// The host has printed no public URL in time.
    NoUrl,
    /// The measured round-trip time to the host.
    RoundTrip(Duration),
    /// The session has ended.
    Ended(DialError),
}

/// Handler of messages from the host.
pub(crate) struct Client {
    host_key: HostKey,
    /// Fingerprint of the host key, after the key was accepted.
    shown: Arc<Mutex<String>>,
    output: Arc<Mutex<Banner>>,
    events: mpsc::UnboundedSender<Event>,
    open: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// State that the session shares with its handler.
pub(crate) struct SessionEvents {
    events: mpsc::UnboundedReceiver<Event>,
    sender: mpsc::WeakUnboundedSender<Event>,
    shown: Arc<Mutex<String>>,
    output: Arc<Mutex<Banner>>,
}

impl Client {
    pub(crate) fn new(host_key: HostKey) -> (Self, SessionEvents) {
        let (sender, events) = mpsc::unbounded_channel();
        let (shown, output) = (Arc::new(Mutex::default()), Arc::new(Mutex::default()));
        let heard = SessionEvents { events, sender: sender.downgrade(), shown: shown.clone(), output: output.clone() };
        let (open, room) = (Arc::new(Semaphore::new(OPEN_MAX)), Arc::new(Semaphore::new(ALL_WAITING_MAX)));
        (Self { host_key, shown, output, events: sender, open, room }, heard)
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
        let found = self.output.lock().unwrap_or_else(PoisonError::into_inner).take(format!("{banner}\n").as_bytes());
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
                // If the session was dropped, the connection is dropped here and closes.
                let _ = self.events.send(Event::Connection(Stream::new(channel, open, self.room.clone()), from));
            }
            Err(_) => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
        Ok(())
    }

    // All other channel types are rejected, because only forwarded TCP connections are expected.

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
            DisconnectReason::ReceivedDisconnect(disconnect) if !disconnect.message.is_empty() => DialError::Lost(
                format!("The host closed the connection: {}.", disconnect.message.trim_end_matches('.')),
            ),
            DisconnectReason::ReceivedDisconnect(_) => DialError::lost(russh::Error::Disconnect),
            DisconnectReason::Error(error) => error,
        };
        let _ = self.events.send(Event::Ended(why.clone()));
        Err(why)
    }
}

/// A session with a host. Dropping it ends the session.
pub struct Session {
    handle: Arc<Handle<Client>>,
    heard: SessionEvents,
}

impl Session {
    pub(crate) fn new(handle: Handle<Client>, heard: SessionEvents) -> Self {
        Self { handle: Arc::new(handle), heard }
    }

    /// Returns the fingerprint of the host key in the format of `ssh-keygen -l`.
    pub fn host_key(&self) -> String {
        self.heard.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests that the host listens on a remote port, and returns this port. With `prints`, also opens a shell, in
    /// which services print the public URL.
    ///
    /// # Errors
    /// Returns [`DialError::NotForwarded`] if the host rejects the request, and [`DialError::Lost`] if the connection
    /// fails.
    pub async fn forward(&self, remote: &Remote, prints: bool) -> Result<u16, DialError> {
        let forwarding = self.handle.tcpip_forward(remote.address.clone(), remote.port.into());
        let chosen = match timeout(ASKED, forwarding).await {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(russh::Error::RequestDenied)) => {
                return Err(DialError::NotForwarded { remote: remote.to_string() });
            }
            Ok(Err(error)) => return Err(DialError::lost(error)),
            Err(_) => return Err(DialError::lost(russh::Error::KeepaliveTimeout)),
        };
        if prints {
            tokio::spawn(listen(self.handle.clone(), self.heard.output.clone(), self.heard.sender.clone()));
        }
        tokio::spawn(measure(Arc::downgrade(&self.handle), self.heard.sender.clone()));
        Ok(if remote.port == 0 { chosen.try_into().unwrap_or_default() } else { remote.port })
    }

    /// Waits for the next event.
    pub async fn next(&mut self) -> Event {
        let ended = || Event::Ended(DialError::lost(russh::Error::Disconnect));
        self.heard.events.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        // Without a runtime, the session has ended already.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { handle.disconnect(Disconnect::ByApplication, "", "en").await });
        }
    }
}

/// Reads the output of a host. Closes the shell if no public URL is printed in time.
async fn listen(handle: Arc<Handle<Client>>, output: Arc<Mutex<Banner>>, events: mpsc::WeakUnboundedSender<Event>) {
    let output = || output.lock().unwrap_or_else(PoisonError::into_inner);
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
        if !output().has_url() {
            tell(Event::NoUrl);
        }
        return;
    };
    // The session must end when its owner drops it, so this task does not keep the handle.
    drop(handle);
    let until = Instant::now() + PRINTED;
    loop {
        let known = output().has_url();
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
                let found = output().take(&data);
                if let Some(url) = found {
                    tell(Event::Url(url));
                }
            }
            None => break,
            Some(_) => {}
        }
    }
    if !output().has_url() {
        tell(Event::NoUrl);
        // If this fails, the shell closes with the session.
        let _ = shell.close().await;
    }
}

/// Measures the round-trip time until the session ends.
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
