#include "daemon/systemd.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"

void systemd_ready(void)
{
	sd_notify(0, "READY=1");
}

void systemd_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_mono_ns() / 1000);
}

void systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void systemd_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

void systemd_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int64_t systemd_watchdog_us(void)
{
	uint64_t us = 0;
	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)us : 0;
}
