# SPDX-License-Identifier: Apache-2.0
"""systemd-logind as far as inhibitor locks go, on a private bus: prints what it is told, takes
"down", "up" and "quit" on standard input. Debian: python3-dbus, python3-gi."""
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

MANAGER = "org.freedesktop.login1.Manager"


class Manager(dbus.service.Object):
    @dbus.service.method(MANAGER, in_signature="ssss", out_signature="h")
    def Inhibit(self, what, who, why, mode):
        r, w = os.pipe()
        print("locked", what, who, mode, flush=True)
        GLib.io_add_watch(r, GLib.IO_HUP, self.released)
        fd = dbus.types.UnixFd(w)
        os.close(w)
        return fd

    def released(self, fd, _):
        os.close(fd)
        print("released", flush=True)
        return False

    @dbus.service.signal(MANAGER, signature="b")
    def PrepareForShutdown(self, start):
        pass

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return dbus.UInt64(int(sys.argv[1]) * 1000000)


def command(_, __):
    word = sys.stdin.readline().strip()
    if word in ("", "quit"):
        loop.quit()
        return False
    manager.PrepareForShutdown(word == "down")
    return True


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
name = dbus.service.BusName("org.freedesktop.login1", bus)
manager = Manager(bus, "/org/freedesktop/login1")
loop = GLib.MainLoop()
GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, command)
print("ready", flush=True)
loop.run()
