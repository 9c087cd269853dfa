/** The part of winston's Logger that the client needs; its methods never throw. */
export interface Logger {
  error(message: string, fields?: object): unknown;
  warn(message: string, fields?: object): unknown;
  info(message: string, fields?: object): unknown;
  debug(message: string, fields?: object): unknown;
}
