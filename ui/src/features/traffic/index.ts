export { TrafficStrip } from "./traffic-strip";
