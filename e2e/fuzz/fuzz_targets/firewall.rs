//! What is let through: nftables, iptables, firewalld, ufw, and sshd behind them.
#![no_main]
image_import_fuzz::bytes!(image_import_fuzz::guest::firewall);
