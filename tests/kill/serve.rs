//! The world as a process of its own.

use std::sync::Arc;

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wire::{Call, Reply, Request, read, write};
use crate::world::World;

/// Serves until the test ends this process.
pub(crate) async fn serve(seed: u64) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    println!("listening {}", listener.local_addr().unwrap());
    let world = Arc::new(World::new(seed));
    let (open, _) = watch::channel(0_usize);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        // Counted before anything else is accepted: who asks whether it is quiet comes after whoever was there.
        open.send_modify(|open| *open += 1);
        let (world, open) = (world.clone(), open.clone());
        tokio::spawn(async move {
            // A worker that is killed breaks the line: that is what we are here for.
            let _ = converse(stream, &world, &open).await;
            open.send_modify(|open| *open -= 1);
        });
    }
}

/// Answers one after the other, also when nobody is left to hear it: what was sent is done.
async fn converse(stream: TcpStream, world: &World, open: &watch::Sender<usize>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(Request { credential, call }) = read(&mut stream).await? {
        let reply = if matches!(call, Call::Quiet) {
            let _ = open.subscribe().wait_for(|open| *open == 1).await;
            Reply::Done
        } else {
            world.answer(&credential, call).await
        };
        write(stream.get_mut(), &reply).await?;
    }
    Ok(())
}
