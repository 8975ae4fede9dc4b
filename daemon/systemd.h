/*
 * systemd: what the service manager wants to hear.  Each call does nothing where
 * there is no service manager.
 */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include <stdint.h>

void systemd_ready(void);
void systemd_reloading(void); /* followed by systemd_ready */
void systemd_stopping(void);
void systemd_status(const char *text);
void systemd_alive(void); /* the watchdog's ping */
/* Within how many microseconds a ping is expected; 0: no watchdog. */
int64_t systemd_watchdog_us(void);

#endif
