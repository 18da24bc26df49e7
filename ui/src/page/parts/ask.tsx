/** Puts a question into the chat. Without a chat, it can be copied for an agent elsewhere. */

import { useState } from "preact/hooks";
import { messageOf } from "../load";
import { useSession } from "../session";
import { Copy } from "./copy";

/** `question` contains only ids, never logged text: the chat gets the person's own words. */
export function Ask({ question }: { question: string }) {
  const { host } = useSession();
  const [text, setText] = useState(question);
  const [told, setTold] = useState("");
  const send = () => host.ask(text).then(() => setTold("The chat has it."), (error: unknown) => setTold(messageOf(error)));
  return (
    <div class="panel ask" role="form" aria-label="Ask about this" data-testid="ask">
      <label>
        Question
        <textarea rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} data-testid="question" />
      </label>
      {host.canAsk ? (
        <button type="button" disabled={!text.trim()} onClick={() => void send()} data-testid="send-question">
          Ask in the chat
        </button>
      ) : (
        <Copy text={text} what="the question" label="Copy for your agent" />
      )}
      {told && <span role="status">{told}</span>}
    </div>
  );
}
