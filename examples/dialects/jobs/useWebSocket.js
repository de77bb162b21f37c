import { useEffect, useEffectEvent, useState } from "react";

import { keepOpen } from "../headrace.js";

/** One socket for each job, opened again when it breaks, and closed when the job is another or null.
 *
 * `onMessage` is called with each message of the socket. Returns whether the socket is open. */
export function useWebSocket(jobId, onMessage) {
  const [isConnected, setIsConnected] = useState(false);
  // The newest handler. A handler that the effect depended on would open a socket with each rendering.
  const receive = useEffectEvent((message) => onMessage(message));

  useEffect(() => {
    if (jobId === null) return undefined;
    const socket = keepOpen("/dialects/jobs", {
      opened() {
        socket.send({ action: "subscribe", job_id: jobId });
        setIsConnected(true);
      },
      receive: (message) => receive(message),
      closed: () => setIsConnected(false),
    });
    return () => {
      socket.close();
      setIsConnected(false);
    };
  }, [jobId]);

  return isConnected;
}
