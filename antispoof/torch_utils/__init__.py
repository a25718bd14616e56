"""What any PyTorch project needs: devices, precision, several processes, checkpoints."""
