export { FORWARDED_REGION_HEADER, RegionForwarder, type RegionForwarderOptions } from "./region-forwarder.js";
