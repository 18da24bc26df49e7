/** Starts the page: connects to its host, and shows what the host asks for. */

import { render } from "preact";
import { App } from "./app";
import { Host } from "./host";
import "./style/base.css";
import "./style/shell.css";
import "./style/charts.css";
import "./style/overview.css";
import "./style/logs.css";
import "./style/log.css";
import "./style/run.css";

const root = document.createElement("div");
root.id = "app";
document.body.append(root);
render(<App host={new Host()} />, root);
