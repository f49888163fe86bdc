# The network of as many hosts as wanted, by mininet: pods.py HOSTS; prints how long it took, in seconds.
import json
import sys
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo

setLogLevel("critical")
began = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=LinuxBridge, controller=None)
net.start()
built = time.monotonic()
net.stop()
print(json.dumps({"build": built - began, "down": time.monotonic() - built}))
